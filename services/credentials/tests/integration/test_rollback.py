"""Older keys stay gone, whatever the role that serves writes; those from before there were chains are lent as ever."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, LiteralString

import grpc
import pytest

from brickops.credentials.v1.bricklink_keys_pb2 import BrickLinkKeys
from credentials.domain.credential import Credential
from credentials.domain.errors import ChainBroken, RecordOutdated
from credentials.key_rotation import seal_anew
from credentials.vault import Vault
from servicekit.grpc_errors import RpcProblem

if TYPE_CHECKING:
    from services.credentials.tests.integration.conftest import Calls, House, Running

Refused = Callable[[Awaitable[object]], Awaitable[RpcProblem]]
NewKeys = Callable[..., BrickLinkKeys]

RECORD: LiteralString = "key_version, generation, enabled, kek_id, wrapped_data_key, nonce, sealed_keys, sealed_at"
COPIED: LiteralString = "actor, correlation_id"
ROW: LiteralString = f"at, seller_id, marketplace, kind, key_version, generation, {COPIED}"


@pytest.fixture(scope="module")
async def vault(house: "House") -> AsyncIterator[Vault]:
    async with house.vault() as vault:
        yield vault


async def found(vault: Vault, seller: str) -> Credential:
    async with vault.transaction() as uow:
        credential = await uow.credentials.find(seller, "bricklink")
    assert credential is not None
    return credential


def saved(house: "House", seller: str, marketplace: str = "bricklink") -> dict[str, Any]:
    (record,) = house.rows(
        f"SELECT {RECORD} FROM credentials WHERE seller_id = %s AND marketplace = %s", seller, marketplace
    )
    return record


def bring_back(house: "House", record: dict[str, Any], seller: str, marketplace: str = "bricklink") -> None:
    """As the role that serves."""
    house.execute(
        f"UPDATE credentials SET ({RECORD}) = ({', '.join(['%s'] * len(record))})"
        " WHERE seller_id = %s AND marketplace = %s",
        *record.values(),
        seller,
        marketplace,
        app=True,
    )


async def not_lent(
    house: "House", calls: "Calls", seller: str, refused: Refused, refusal: str, marketplace: str = "bricklink"
) -> None:
    problem = await refused(calls.lease(seller, marketplace))
    assert (problem.code, problem.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert house.lease_log(seller)[-1]["refusal"] == refusal


INSERTED: dict[str, tuple[LiteralString, LiteralString, str]] = {
    "without a place": ("", "", "outdated"),
    "without a place, of a high id": ("lifecycle_id", "(SELECT 1000 + max(lifecycle_id) FROM lifecycle)", "outdated"),
    "at the end, with an HMAC of before": ("position, mac", "3, mac", "chain_broken"),
    "after a gap": ("position, mac", "9, mac", "chain_broken"),
    "before all others": ("position, mac", "0, mac", "outdated"),
}
"""Which columns are given besides, what is given, how the next lease is refused."""


@pytest.mark.parametrize("inserted", INSERTED)
@pytest.mark.parametrize("since", ["revoke", "put"])
async def test_a_row_that_the_chain_does_not_vouch_for_brings_no_keys_back(
    house: "House",
    vault: Vault,
    gateway: "Calls",
    sync_bricklink: "Calls",
    seller: str,
    new_keys: NewKeys,
    refused: Refused,
    inserted: str,
    since: str,
) -> None:
    """By the role that serves: the older record, and a row that tells of it as the newest. A new put mends it."""
    await gateway.put(seller)
    older = saved(house, seller)
    await (gateway.put(seller) if since == "put" else gateway.revoke(seller))
    columns, values, refusal = INSERTED[inserted]
    bring_back(house, older, seller)
    house.execute(
        f"INSERT INTO lifecycle ({', '.join(filter(None, (ROW, columns)))}) OVERRIDING SYSTEM VALUE"
        f" SELECT now(), seller_id, marketplace, 'rotate', 1, 0, {', '.join(filter(None, (COPIED, values)))}"
        " FROM lifecycle WHERE seller_id = %s AND position = 1",
        seller,
        app=True,
    )

    await not_lent(house, sync_bricklink, seller, refused, refusal)
    assert (await refused(gateway.rotate(seller, token="ANOTHER-TOKEN"))).reason == "INTERNAL"
    with pytest.raises((RecordOutdated, ChainBroken)):
        await seal_anew(await found(vault, seller), vault)
    keys = new_keys()
    put = await gateway.put(seller, keys)
    assert put.key_version == (3 if since == "put" else 2), "a version is never used twice"
    lease = await sync_bricklink.lease(seller)
    assert (lease.key_version, lease.bricklink) == (put.key_version, keys)


async def test_a_row_made_to_look_the_newest_by_its_id_brings_no_keys_back(
    house: "House", gateway: "Calls", sync_bricklink: "Calls", seller: str, refused: Refused
) -> None:
    """By whoever owns the tables: no HMAC covers the id."""
    await gateway.put(seller)
    older = saved(house, seller)
    await gateway.put(seller)
    bring_back(house, older, seller)
    house.tamper("UPDATE lifecycle SET lifecycle_id = DEFAULT WHERE seller_id = %s AND position = 1", seller)
    await not_lent(house, sync_bricklink, seller, refused, "outdated")


@pytest.fixture
async def from_before(house: "House", running: "Running", gateway: "Calls", seller: str) -> dict[str, Any]:
    """Two shops of a seller, as a release without chains left them; gives the first version of one's record."""
    await gateway.put(seller)
    await gateway.put_brickowl(seller, "a-first-key")
    first = saved(house, seller, "brickowl")
    await gateway.put_brickowl(seller, "a-second-key")
    house.tamper("UPDATE lifecycle SET position = NULL, mac = NULL WHERE seller_id = %s", seller)
    house.execute("DELETE FROM audit_keys WHERE seller_id = %s", seller)
    return first


@pytest.fixture
def sync_brickowl(house: "House", running: "Running") -> "Calls":
    return house.calls("sync-brickowl", running)


async def test_keys_from_before_the_chain_are_lent_before_it_begins_and_after(
    gateway: "Calls", sync_bricklink: "Calls", sync_brickowl: "Calls", seller: str, from_before: dict[str, Any]
) -> None:
    for version in (1, 2):
        assert (await sync_bricklink.lease(seller)).key_version == version
        assert (await sync_brickowl.lease(seller, "brickowl")).brickowl.key == "a-second-key"
        await gateway.rotate(seller, token="ANOTHER-TOKEN")
    rotated = await gateway.rotate(seller, marketplace="brickowl", key="a-third-key")
    assert rotated.key_version == 3
    assert (await sync_brickowl.lease(seller, "brickowl")).brickowl.key == "a-third-key"
    assert (await sync_bricklink.lease(seller)).bricklink.token == "ANOTHER-TOKEN"


async def test_a_row_without_a_place_that_came_after_the_chain_began_does_not_count(
    house: "House",
    gateway: "Calls",
    sync_brickowl: "Calls",
    seller: str,
    from_before: dict[str, Any],
    refused: Refused,
) -> None:
    """Although these keys themselves have none but such rows."""
    await gateway.revoke(seller)
    newest = saved(house, seller, "brickowl")
    bring_back(house, from_before, seller, "brickowl")
    house.execute(
        f"INSERT INTO lifecycle ({ROW}) VALUES (now(), %s, 'brickowl', 'rotate', 1, 0, 'user-1', '')", seller, app=True
    )
    await not_lent(house, sync_brickowl, seller, refused, "outdated", "brickowl")
    bring_back(house, newest, seller, "brickowl")
    assert (await sync_brickowl.lease(seller, "brickowl")).brickowl.key == "a-second-key"


@pytest.mark.parametrize(
    "deed",
    [
        "UPDATE lifecycle SET key_version = 3 - key_version, kind = 'rotate' WHERE seller_id = %s AND position IS NULL",
        "DELETE FROM lifecycle WHERE seller_id = %s AND position IS NOT NULL",
    ],
)
async def test_rows_from_before_the_chain_are_vouched_for_by_its_first(
    house: "House",
    gateway: "Calls",
    sync_brickowl: "Calls",
    seller: str,
    from_before: dict[str, Any],
    refused: Refused,
    deed: str,
) -> None:
    await gateway.revoke(seller)
    house.tamper(deed, seller)
    await not_lent(house, sync_brickowl, seller, refused, "chain_broken", "brickowl")


async def test_a_chain_without_its_key_lends_nothing(
    house: "House", gateway: "Calls", sync_bricklink: "Calls", seller: str, refused: Refused
) -> None:
    await gateway.put(seller)
    house.execute("DELETE FROM audit_keys WHERE seller_id = %s", seller)
    await not_lent(house, sync_bricklink, seller, refused, "chain_broken")
