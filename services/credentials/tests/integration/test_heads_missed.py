"""Heads that should be in Kafka are missed: else whoever emptied the topic could drop the newest rows unseen."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from brickops.events.v1.connection_event_pb2 import ConnectionChanged
from credentials.audit_verification import KEPT_FOR, verify_audit
from credentials.commands import PutCredential, put_credential
from credentials.domain.credential import Shop
from credentials.domain.keys import BrickOwlKeys
from credentials.domain.lifecycle import ChainHead
from credentials.published_heads import LAG, Published, read_published
from credentials.vault import Vault
from devstack.kafka import new_topic_name
from servicekit.kafka import KafkaConfig

if TYPE_CHECKING:
    from services.credentials.tests.integration.conftest import House

HOUSE_OF_ITS_OWN = True
"""No process of it publishes."""

NOT_PUBLISHED = "is not published, and does not wait to be: the topic lost it, or it never went out"


@pytest.fixture(scope="module")
async def vault(house: "House") -> AsyncIterator[Vault]:
    async with house.vault() as vault:
        yield vault


@pytest.fixture(autouse=True)
def nobody_else(house: "House") -> None:
    for table in ("lifecycle", "credentials", "audit_keys", "outbox"):
        house.tamper(f"DELETE FROM {table}")


async def put(vault: Vault, seller: str) -> None:
    shop = Shop(name="bricks", currency_code="EUR", is_empty=False)
    keys = BrickOwlKeys(key=uuid.uuid4().hex)
    await put_credential(
        PutCredential(
            seller_id=seller, actor="user-1", certificate="", request_id=uuid.uuid4().hex, keys=keys, shop=shop
        ),
        vault,
    )


def taken(house: "House", seller: str) -> frozenset[ChainHead]:
    """The heads of a seller, as the relay takes them out of the outbox; or whoever has the role that serves."""
    house.execute("DELETE FROM outbox WHERE key = %s", f"{seller}/brickowl", app=True)
    rows = house.rows("SELECT position, mac FROM lifecycle WHERE seller_id = %s", seller)
    return frozenset(ChainHead(length=row["position"], mac=row["mac"]) for row in rows)


def published(heads: frozenset[ChainHead]) -> Published:
    """What a topic holds in which there are these heads of the seller."""
    return Published(heads={"seller": heads}, outdone={}, kept_for=KEPT_FOR)


async def test_an_empty_topic_is_a_problem_of_each_seller_of_whom_nothing_waits(house: "House", vault: Vault) -> None:
    for seller in ("taken", "waiting"):
        await put(vault, seller)
    taken(house, "taken")
    empty = partial(read_published, KafkaConfig(bootstrap=house.kafka_bootstrap), house.topic)
    found = await verify_audit(vault, empty)
    assert found.problems == [f"seller taken: row 1 of the chain {NOT_PUBLISHED}"]
    assert (found.rows, found.unpublished) == (1, 1)


async def test_the_command_ends_with_one(house: "House", vault: Vault) -> None:
    await put(vault, "seller")
    assert (await asyncio.to_thread(house.run, "verify-audit")).returncode == 0
    taken(house, "seller")
    ended = await asyncio.to_thread(house.run, "verify-audit")
    assert ended.returncode == 1
    assert f"seller seller: row 1 of the chain {NOT_PUBLISHED}" in ended.stderr


async def test_an_older_event_in_place_of_the_newest_is_a_problem(house: "House", vault: Vault) -> None:
    """Published again by whoever may write to the outbox, and after compaction the only one that is left."""
    await put(vault, "seller")
    older = taken(house, "seller")
    await put(vault, "seller")
    newer = taken(house, "seller")

    async def republished() -> Published:
        return published(older)

    async def both() -> Published:
        return published(newer)

    assert (await verify_audit(vault, republished)).problems == [f"seller seller: row 2 of the chain {NOT_PUBLISHED}"]
    assert (await verify_audit(vault, both)).problems == []


async def test_what_happens_while_heads_are_read_is_none(house: "House", vault: Vault) -> None:
    await put(vault, "seller")
    before = taken(house, "seller")

    async def meanwhile() -> Published:
        await put(vault, "seller")
        taken(house, "seller")
        return published(before)

    found = await verify_audit(vault, meanwhile)
    assert (found.problems, found.rows, found.unpublished) == ([], 2, 1)


async def made(house: "House", **settings: str) -> str:
    """A compacted topic with these settings besides; gives its name."""
    name = new_topic_name("connections")
    admin = AIOKafkaAdminClient(bootstrap_servers=house.kafka_bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, 1, 1, topic_configs={"cleanup.policy": "compact"} | settings)])
    finally:
        await admin.close()
    return name


async def test_a_topic_that_forgets_heads_at_once_is_a_problem(house: "House", vault: Vault) -> None:
    hasty = await made(house)
    kafka = KafkaConfig(bootstrap=house.kafka_bootstrap)
    (problem,) = (await verify_audit(vault, partial(read_published, kafka, hasty))).problems
    assert problem.endswith("set its min.compaction.lag.ms to 604800000 or more")
    assert (await verify_audit(vault, partial(read_published, kafka, house.topic))).problems == []


@pytest.mark.long
async def test_a_head_of_long_ago_outlasts_compaction_after_a_newer_one_came(house: "House") -> None:
    """What the setting is for, by Kafka itself: the lag is counted from the newer event, not from the older one."""
    quick = {"segment.ms": "100", "min.cleanable.dirty.ratio": "0.001"}
    hasty, patient = await made(house, **quick), await made(house, **quick, **{LAG: "604800000"})
    now = int(datetime.now(UTC).timestamp() * 1000)
    heads = [ChainHead(length=1, mac=b"of long ago"), ChainHead(length=1, mac=b"of now")]
    events = [
        ConnectionChanged(seller_id="seller", audit_length=1, audit_head=head.mac).SerializeToString() for head in heads
    ]
    kafka = KafkaConfig(bootstrap=house.kafka_bootstrap)
    producer = AIOKafkaProducer(bootstrap_servers=house.kafka_bootstrap)
    await producer.start()
    try:
        for topic in (hasty, patient):
            for event, age in zip(events, (60 * 24 * 3600 * 1000, 0), strict=True):
                await producer.send_and_wait(topic, event, key=b"seller/bricklink", timestamp_ms=now - age)
        async with asyncio.timeout(120):
            while (await read_published(kafka, hasty)).heads["seller"] != {heads[1]}:
                for topic in (hasty, patient):  # a segment is compacted once another was begun after it
                    await producer.send_and_wait(topic, b"", key=b"another/bricklink")
                await asyncio.sleep(1)
    finally:
        await producer.stop()
    assert (await read_published(kafka, patient)).heads["seller"] == set(heads)
