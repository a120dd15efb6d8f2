"""Heads that should be in Kafka are missed: else whoever emptied the topic could drop the newest rows unseen."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from functools import partial
from typing import TYPE_CHECKING

import pytest

from credentials.audit_verification import verify_audit
from credentials.commands import PutCredential, put_credential
from credentials.domain.credential import Shop
from credentials.domain.keys import BrickOwlKeys
from credentials.domain.lifecycle import ChainHead
from credentials.published_heads import Heads, read_heads
from credentials.vault import Vault
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


async def test_an_empty_topic_is_a_problem_of_each_seller_of_whom_nothing_waits(house: "House", vault: Vault) -> None:
    for seller in ("taken", "waiting"):
        await put(vault, seller)
    taken(house, "taken")
    empty = partial(read_heads, KafkaConfig(bootstrap=house.kafka_bootstrap), house.topic)
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

    async def republished() -> Heads:
        return {"seller": older}

    async def both() -> Heads:
        return {"seller": newer}

    assert (await verify_audit(vault, republished)).problems == [f"seller seller: row 2 of the chain {NOT_PUBLISHED}"]
    assert (await verify_audit(vault, both)).problems == []


async def test_what_happens_while_heads_are_read_is_none(house: "House", vault: Vault) -> None:
    await put(vault, "seller")
    before = taken(house, "seller")

    async def meanwhile() -> Heads:
        await put(vault, "seller")
        taken(house, "seller")
        return {"seller": before}

    found = await verify_audit(vault, meanwhile)
    assert (found.problems, found.rows, found.unpublished) == ([], 2, 1)
