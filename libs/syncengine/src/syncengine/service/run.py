"""A whole sync service: its consumer, its worker, its relay and its gRPC face, over one database."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import TypeVar

import httpx

from brickops.credentials.v1.credentials_service_pb2 import LeaseCredentialResponse
from brickops.sync.v1.sync_service_pb2_grpc import add_SyncServiceServicer_to_server
from servicekit.clock import SystemClock
from servicekit.config import ConfigError, read_secret
from servicekit.consumer import Consumer
from servicekit.grpc_client import open_channel
from servicekit.grpc_server import serving
from servicekit.kafka import KafkaConfig
from servicekit.lifecycle import run_until_signalled
from servicekit.metrics import serving_metrics
from servicekit.mtls import TlsFiles
from servicekit.postgres import create_engine
from servicekit.relay import Relay
from syncengine.listing import CatalogEntry
from syncengine.marketplace import Facts, Marketplace
from syncengine.service.bell import Bell
from syncengine.service.config import SyncConfig
from syncengine.service.consuming import Consuming, Topics, partition_count
from syncengine.service.events import LotOf
from syncengine.service.flags import Flags
from syncengine.service.http import open_http
from syncengine.service.keys import LeasedKeys, LeasedShops
from syncengine.service.servicer import SERVICE, STATUS_OF, SyncServicer
from syncengine.service.theirs import ItemHere, LotFieldsOf
from syncengine.service.worker import Worker
from syncengine.settings import Settings
from syncengine.store.postgres import PostgresStore

K = TypeVar("K")

_BUCKETS = 144
"""In which a limit's window is counted."""
_CONNECTIONS_BESIDE_LANES = 8
"""To the database: for consumer, relay and calls from the gateway."""


def settings_of(config: SyncConfig, *, may_send: bool) -> Settings:
    """Take the engine's times from the configuration. Raises ConfigError where a lease would end during a call."""
    settings = Settings(
        late_window=config.late_window,
        lag_window=config.lag_window,
        order_poll_interval=config.order_poll_interval,
        call_deadline=config.call_deadline,
        list_deadline=config.list_deadline,
        lease=config.lease,
        may_send=may_send,
    )
    shortest = max(settings.call_deadline, settings.list_deadline) + settings.lease_margin
    if settings.lease < shortest:
        raise ConfigError(f"lease must be at least {shortest.total_seconds():g} s: the longest deadline and 5 s")
    return settings


async def never() -> bool:
    """No connection is served: shops may not be called."""
    return False


async def run(
    config: SyncConfig,
    *,
    keys_of: Callable[[LeaseCredentialResponse], K],
    shop_of: Callable[[httpx.AsyncClient, K], Marketplace],
    facts: Facts,
    lot_of: LotOf,
    lot_fields_of: LotFieldsOf,
    entry_named: Callable[[str], CatalogEntry | None] = lambda number: None,
    entry_text: Callable[[CatalogEntry], str] = lambda entry: entry.number,
    item_here: ItemHere | None = None,
    connections: int,
    flags: Flags,
) -> None:
    """Run until a signal; then finish what was begun.

    `keys_of` takes the marketplace's keys out of a lease, and makes them known to the log redactor; `shop_of` opens the
    shop that they are of. `lot_of` maps inventory's lot to the marketplace's terms, `lot_fields_of` what a shop shows
    in a field back, `entry_named` and `entry_text` a number of the marketplace's own catalogue and back, `item_here` an
    item of it to inventory's terms; `connections` is how many may be open at once to the marketplace, over all shops.
    """
    service, settings = f"sync-{facts.marketplace}", settings_of(config, may_send=flags.may_send)
    clock = SystemClock()
    database_url = read_secret(config.database_url_file)
    tls = TlsFiles(ca=config.tls_ca_file, certificate=config.tls_certificate_file, key=config.tls_key_file)
    kafka = KafkaConfig(bootstrap=config.kafka_bootstrap, security_file=config.kafka_security_file)
    topics = Topics(lots=f"brickops.lots.{facts.marketplace}.v1", connections="brickops.connections.v1")
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serving_metrics(config.metrics_listen, tls))
        engine = create_engine(database_url, pool_size=connections + _CONNECTIONS_BESIDE_LANES)
        stack.push_async_callback(engine.dispose)
        store = PostgresStore(engine, bucket=facts.limit.window / _BUCKETS)
        consuming = Consuming(
            store=store,
            clock=clock,
            facts=facts,
            settings=settings,
            lot_of=lot_of,
            topics=topics,
            partitions=partial(partition_count, kafka, topics.lots),
        )
        http = await stack.enter_async_context(open_http(config.api_url, connections=connections))
        credentials = open_channel(config.credentials_address, service="credentials", tls=tls)
        keys = LeasedKeys(await stack.enter_async_context(credentials), clock, facts.marketplace, keys_of)
        consumer = Consumer(engine, kafka, group=service, topics=[topics.lots, topics.connections], absorb=consuming)
        worker = Worker(
            store=store,
            clock=clock,
            settings=settings,
            shops=LeasedShops(keys, partial(shop_of, http)),
            bell=Bell(database_url, keys),
            ready=consumer.caught_up if flags.may_call else never,
            lanes=connections,
        )
        servicer = SyncServicer(
            store=store,
            clock=clock,
            facts=facts,
            settings=settings,
            lot_fields_of=lot_fields_of,
            entry_named=entry_named,
            entry_text=entry_text,
            item_here=item_here,
        )
        health = await stack.enter_async_context(
            serving(
                listen=config.listen,
                tls=tls,
                allow={SERVICE: frozenset({"gateway"})},
                errors=STATUS_OF,
                register=partial(add_SyncServiceServicer_to_server, servicer),
            )
        )
        await health.ready()
        relay = Relay(engine, database_url, kafka, source=service)
        await run_until_signalled(relay.run(), consumer.run(), worker.run())
