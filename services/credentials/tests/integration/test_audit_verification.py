"""Whatever is done to the record of what happened to keys, `verify-audit` names the first bad or missing row."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

import pytest

from credentials.audit_verification import Verification, verify_audit
from credentials.crypto.chain import audit_key_binding, mac_before_first, mac_of_row
from credentials.key_rotation import rotate_data
from credentials.published_heads import read_published
from credentials.vault import Vault
from servicekit.kafka import KafkaConfig

if TYPE_CHECKING:
    from services.credentials.tests.integration.conftest import Calls, House

Deed = Callable[["House", Vault, str], Awaitable[None]]
ROWS = 5

HOUSE_OF_ITS_OWN = True
"""What was done to every seller is found."""


@pytest.fixture(scope="module")
async def vault(house: "House") -> AsyncIterator[Vault]:
    async with house.vault() as vault:
        yield vault


async def nothing(house: "House", vault: Vault, seller: str) -> None:
    """The record as it should be."""


async def edit(house: "House", vault: Vault, seller: str) -> None:
    house.tamper("UPDATE lifecycle SET actor = 'somebody' WHERE seller_id = %s AND position = 3", seller)


async def backdate(house: "House", vault: Vault, seller: str) -> None:
    house.tamper(
        "UPDATE lifecycle SET at = at - interval '1 microsecond' WHERE seller_id = %s AND position = 2", seller
    )


async def remove(house: "House", vault: Vault, seller: str) -> None:
    house.tamper("DELETE FROM lifecycle WHERE seller_id = %s AND position = 2", seller)


async def drop_newest(house: "House", vault: Vault, seller: str) -> None:
    """And bring the record back to what the newest row that is left tells of: a revoke."""
    house.tamper("DELETE FROM lifecycle WHERE seller_id = %s AND position = 5", seller)
    house.execute(
        "UPDATE credentials SET enabled = false, kek_id = NULL, wrapped_data_key = NULL, nonce = NULL,"
        " sealed_keys = NULL, key_version = 3 WHERE seller_id = %s",
        seller,
    )


async def drop_newest_and_go_on(house: "House", vault: Vault, seller: str) -> None:
    """The next ordinary event stands where the dropped row stood, and its head in the topic is the newest."""
    await drop_newest(house, vault, seller)
    await house.calls("gateway", house.at_home[0]).put(seller)
    await house.until("SELECT 1 WHERE NOT EXISTS (SELECT FROM outbox)")


async def publish_an_older_event_again(house: "House", vault: Vault, seller: str) -> None:
    """By the role that serves: compaction would leave this one of the connection, and no head of the rows since."""
    older = (await house.records(seller, 4))[-1]
    house.execute(
        "INSERT INTO outbox (topic, key, value, type, correlation_id, every_partition)"
        " VALUES (%s, %s, %s, 'brickops.events.v1.ConnectionChanged', '', false)",
        house.topic,
        f"{seller}/bricklink",
        older.value,
        app=True,
    )
    await house.until("SELECT 1 WHERE NOT EXISTS (SELECT FROM outbox)")


async def drop_all(house: "House", vault: Vault, seller: str) -> None:
    house.tamper("DELETE FROM lifecycle WHERE seller_id = %s", seller)
    house.execute("DELETE FROM audit_keys WHERE seller_id = %s", seller)
    house.execute("DELETE FROM credentials WHERE seller_id = %s", seller)


async def insert_without_place(house: "House", vault: Vault, seller: str) -> None:
    copied = "at, seller_id, marketplace, 'rotate', 9, 'somebody', correlation_id, certificate"
    house.execute(
        "INSERT INTO lifecycle (at, seller_id, marketplace, kind, key_version, actor, correlation_id, certificate)"
        f" SELECT {copied} FROM lifecycle WHERE seller_id = %s AND position = 2",
        seller,
    )


async def insert_with_place(house: "House", vault: Vault, seller: str) -> None:
    copied = "at, seller_id, marketplace, 'rotate', 9, 'somebody', correlation_id, certificate, 6, mac"
    house.execute(
        "INSERT INTO lifecycle"
        " (at, seller_id, marketplace, kind, key_version, actor, correlation_id, certificate, position, mac)"
        f" SELECT {copied} FROM lifecycle WHERE seller_id = %s AND position = 5",
        seller,
    )


async def reorder(house: "House", vault: Vault, seller: str) -> None:
    for moves in ("-position WHERE position IN (3, 4)", "7 + position WHERE position < 0"):
        assignment, condition = moves.split(" WHERE ")
        house.tamper(f"UPDATE lifecycle SET position = {assignment} WHERE {condition} AND seller_id = %s", seller)


async def chain_anew_without_the_key(house: "House", vault: Vault, seller: str) -> None:
    """With the key of another seller, whose chain is sound."""
    house.execute(
        "UPDATE audit_keys SET (kek_id, wrapped_key) = (SELECT kek_id, wrapped_key FROM audit_keys"
        " WHERE seller_id = 'nothing') WHERE seller_id = %s",
        seller,
    )


async def lose_the_key(house: "House", vault: Vault, seller: str) -> None:
    house.execute("DELETE FROM audit_keys WHERE seller_id = %s", seller)


async def chain_anew_with_the_key(house: "House", vault: Vault, seller: str) -> None:
    """Another actor in row 3, and every HMAC from there on made as the service would: only Kafka knows better."""
    await edit(house, vault, seller)
    async with vault.transaction() as uow:
        wrapped = await uow.audit_keys.find(seller)
        rows = await uow.lifecycle.list_of(seller)
    assert wrapped is not None
    key = await vault.keys.unwrap(wrapped, audit_key_binding(seller))
    mac = mac_before_first(key, [])
    for position, row in enumerate(rows, start=1):
        mac = mac_of_row(key, position, row.event, row.origin, before=mac)
        house.tamper("UPDATE lifecycle SET mac = %s WHERE lifecycle_id = %s", mac, row.lifecycle_id)


async def bring_a_record_back(house: "House", vault: Vault, seller: str) -> None:
    house.execute("UPDATE credentials SET key_version = 3 WHERE seller_id = %s", seller)


async def raise_an_id(house: "House", vault: Vault, seller: str) -> None:
    """So that an older row looks like the newest, and bring the record back that it tells of: every HMAC fits."""
    house.tamper("UPDATE lifecycle SET lifecycle_id = DEFAULT WHERE seller_id = %s AND position = 3", seller)
    await bring_a_record_back(house, vault, seller)


async def edit_what_was_before_the_chain(house: "House", vault: Vault, seller: str) -> None:
    house.tamper("UPDATE lifecycle SET actor = 'somebody' WHERE seller_id = %s AND position IS NULL", seller)


DEEDS: dict[Deed, str] = {
    nothing: "",
    edit: r"row 3 of the chain, lifecycle_id \d+ \(bricklink put of .*\), is not what was recorded",
    backdate: r"row 2 of the chain, .*, is not what was recorded",
    remove: r"row 2 of the chain is missing; the next is lifecycle_id \d+ \(bricklink put ",
    drop_newest: r"row 5 of the chain is missing: 5 rows were published",
    drop_newest_and_go_on: r"row 5 of the chain, .*, is not the published one",
    publish_an_older_event_again: r"the newest event of .*/bricklink in the topic is not its last: an older one was",
    drop_all: r"row 1 of the chain is missing: 5 rows were published",
    insert_without_place: r"lifecycle_id \d+ \(bricklink rotate .*\) has no place in the chain: it was inserted",
    insert_with_place: r"row 6 of the chain, .*, is not what was recorded",
    reorder: r"row 3 of the chain, lifecycle_id \d+ \(bricklink revoke .*\), is not what was recorded",
    chain_anew_without_the_key: r"the key of the chain cannot be opened",
    lose_the_key: r"the key of the chain is missing",
    chain_anew_with_the_key: r"row 3 of the chain, .*, is not the published one",
    bring_a_record_back: r"the bricklink record is not the one that the newest row tells of",
    raise_an_id: r"row 3 of the chain, lifecycle_id \d+ .*, and the next, lifecycle_id \d+ .*: their ids do not rise",
    edit_what_was_before_the_chain: r"row 1 of the chain, .*, or a row from before the chain is not",
}


def seller_of(deed: Deed) -> str:
    return str(deed.__name__)


@pytest.fixture(scope="module")
async def lived(house: "House", gateway: "Calls", vault: Vault) -> None:
    """A seller for each deed, with five rows: put, rotated, put, revoked, put. All of them are published."""
    house.execute(
        "INSERT INTO lifecycle (at, seller_id, marketplace, kind, key_version, actor, correlation_id)"
        " VALUES (now(), %s, 'brickowl', 'put', 1, 'user-0', '')",
        seller_of(edit_what_was_before_the_chain),
        app=True,
    )

    async def live(seller: str) -> None:
        await gateway.put(seller)
        await gateway.rotate(seller, token="ANOTHER-TOKEN")
        await gateway.put(seller)
        await gateway.revoke(seller)
        await gateway.put(seller)

    await asyncio.gather(*(live(seller_of(deed)) for deed in DEEDS))
    await house.until("SELECT 1 WHERE NOT EXISTS (SELECT FROM outbox)")


async def verified(house: "House", vault: Vault) -> Verification:
    return await verify_audit(vault, partial(read_published, KafkaConfig(bootstrap=house.kafka_bootstrap), house.topic))


@pytest.fixture(scope="module")
async def before(house: "House", vault: Vault, lived: None) -> Verification:
    """What is found while nothing is wrong."""
    return await verified(house, vault)


@pytest.fixture(scope="module")
async def after(house: "House", vault: Vault, before: Verification) -> Verification:
    """What is found when every deed is done."""
    for deed in DEEDS:
        await deed(house, vault, seller_of(deed))
    return await verified(house, vault)


def test_a_sound_record_is_proved(before: Verification) -> None:
    assert before.problems == [
        "seller edit_what_was_before_the_chain: the brickowl record is missing, of which there are rows"
    ]
    assert (before.sellers, before.rows) == (len(DEEDS), (len(DEEDS) - 1) * ROWS)
    assert (before.unchained, before.unpublished) == (0, 0)


@pytest.mark.parametrize("deed", DEEDS, ids=seller_of)
def test_what_was_done_is_found_and_its_place_named(after: Verification, deed: Deed) -> None:
    found = [problem for problem in after.problems if problem.startswith(f"seller {seller_of(deed)}: ")]
    if deed is nothing:
        assert found == []
    else:
        (problem,) = found
        assert re.search(DEEDS[deed], problem), problem


async def test_the_command_names_them_and_ends_with_one(house: "House", after: Verification) -> None:
    ended = await asyncio.to_thread(house.run, "verify-audit")
    assert ended.returncode == 1
    assert all(problem in ended.stderr for problem in after.problems)
    assert "Traceback" not in ended.stderr


async def test_nothing_is_appended_to_a_chain_without_its_key(
    gateway: "Calls", after: Verification, refused: Callable[[Awaitable[object]], Awaitable[object]]
) -> None:
    """Else the next event would begin another chain over the broken one."""
    for deed in (lose_the_key, chain_anew_without_the_key):
        await refused(gateway.put(seller_of(deed)))


async def test_a_broken_chain_keeps_no_other_record_from_being_sealed_anew(vault: Vault, after: Verification) -> None:
    rotated = await rotate_data(vault, batch=100)
    named = {line.partition("/")[0].removeprefix("credentials ") for line in rotated.unreadable}
    assert named >= {seller_of(deed) for deed in (lose_the_key, chain_anew_without_the_key, insert_with_place)}
    assert seller_of(nothing) not in named
