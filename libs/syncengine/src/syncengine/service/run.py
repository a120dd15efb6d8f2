"""A whole sync service: its consumer, its worker, its relay and its gRPC face, over one database."""

from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Protocol

from brickops.sync.v1.sync_service_pb2_grpc import add_SyncServiceServicer_to_server
from servicekit.clock import SystemClock
from servicekit.config import ConfigError, read_secret
from servicekit.consumer import Consumer
from servicekit.grpc_server import serving
from servicekit.kafka import KafkaConfig
from servicekit.lifecycle import run_until_signalled
from servicekit.mtls import TlsFiles
from servicekit.postgres import create_engine
from servicekit.relay import Relay
from syncengine.marketplace import Facts
from syncengine.rows import Settings
from syncengine.service.bell import Bell
from syncengine.service.consuming import Consuming, Topics, partition_count
from syncengine.service.events import LotOf
from syncengine.service.flags import Flags
from syncengine.service.servicer import SERVICE, STATUS_OF, SyncServicer
from syncengine.service.shops import Shops
from syncengine.service.theirs import LotFieldsOf
from syncengine.service.worker import Worker
from syncengine.store.postgres import PostgresStore

_BUCKETS = 144
"""In which a limit's window is counted."""
_CONNECTIONS_BESIDE_LANES = 8
"""To the database: for consumer, relay and calls from the gateway."""


class Config(Protocol):
    """What every sync service's configuration has."""

    @property
    def listen(self) -> str:
        """host:port of its gRPC server."""
        ...

    @property
    def tls_ca_file(self) -> Path: ...  # noqa: D102
    @property
    def tls_certificate_file(self) -> Path: ...  # noqa: D102
    @property
    def tls_key_file(self) -> Path: ...  # noqa: D102
    @property
    def database_url_file(self) -> Path:
        """A file with the URL of the role that may read and write rows."""
        ...

    @property
    def kafka_bootstrap(self) -> str: ...  # noqa: D102
    @property
    def kafka_security_file(self) -> Path | None: ...  # noqa: D102
    @property
    def call_deadline(self) -> timedelta: ...  # noqa: D102
    @property
    def list_deadline(self) -> timedelta: ...  # noqa: D102
    @property
    def late_window(self) -> timedelta: ...  # noqa: D102
    @property
    def lag_window(self) -> timedelta: ...  # noqa: D102
    @property
    def order_poll_interval(self) -> timedelta: ...  # noqa: D102
    @property
    def lease(self) -> timedelta:
        """For how long a worker holds a connection; longer than any deadline and the margin (rule L2)."""
        ...


def settings_of(config: Config, *, may_send: bool) -> Settings:
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
    config: Config,
    *,
    service: str,
    shops: Shops,
    facts: Facts,
    lot_of: LotOf,
    lot_fields_of: LotFieldsOf,
    lanes: int,
    flags: Flags,
) -> None:
    """Run until a signal; then finish what was begun.

    `service` is its name, as in certificates. `lot_of` maps inventory's lot to the marketplace's terms, `lot_fields_of`
    what a shop shows in a field back; `lanes` is how
    many connections it serves at once.
    """
    settings, clock = settings_of(config, may_send=flags.may_send), SystemClock()
    database_url = read_secret(config.database_url_file)
    tls = TlsFiles(ca=config.tls_ca_file, certificate=config.tls_certificate_file, key=config.tls_key_file)
    kafka = KafkaConfig(bootstrap=config.kafka_bootstrap, security_file=config.kafka_security_file)
    topics = Topics(lots=f"brickops.lots.{facts.marketplace}.v1", connections="brickops.connections.v1")
    async with AsyncExitStack() as stack:
        engine = create_engine(database_url, pool_size=lanes + _CONNECTIONS_BESIDE_LANES)
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
        consumer = Consumer(engine, kafka, group=service, topics=[topics.lots, topics.connections], absorb=consuming)
        worker = Worker(
            store=store,
            clock=clock,
            settings=settings,
            shops=shops,
            bell=Bell(database_url),
            ready=consumer.caught_up if flags.may_call else never,
            lanes=lanes,
        )
        servicer = SyncServicer(store=store, clock=clock, facts=facts, settings=settings, lot_fields_of=lot_fields_of)
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
