"""No audit, no lease; nobody rewrites the past; and what was tampered with in the database is never lent."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, LiteralString

import grpc
import psycopg
import pytest

from brickops.credentials.v1.bricklink_keys_pb2 import BrickLinkKeys
from servicekit.grpc_errors import RpcProblem

if TYPE_CHECKING:
    from services.credentials.tests.integration.conftest import Calls, House, Running

Refused = Callable[[Awaitable[object]], Awaitable[RpcProblem]]
NewKeys = Callable[..., BrickLinkKeys]


async def test_every_lease_is_in_the_log(
    house: "House", gateway: "Calls", sync_bricklink: "Calls", seller: str, refused: Refused
) -> None:
    await refused(sync_bricklink.lease(seller))
    await gateway.put(seller)
    lease = await sync_bricklink.lease(seller)
    refusal, loan = house.lease_log(seller)
    assert (refusal["caller"], refusal["granted"], refusal["refusal"]) == ("sync-bricklink", False, "not_found")
    assert (loan["caller"], loan["marketplace"], loan["granted"]) == ("sync-bricklink", "bricklink", True)
    assert (loan["key_version"], loan["refusal"]) == (1, None)
    assert loan["expires_at"].timestamp() == pytest.approx(lease.expires_at.ToDatetime(loan["at"].tzinfo).timestamp())
    assert loan["correlation_id"]


@pytest.fixture
def no_audit(house: "House") -> Iterator[None]:
    house.execute("REVOKE INSERT ON lease_log FROM credentials")
    yield
    house.execute("GRANT INSERT ON lease_log TO credentials")


@pytest.fixture
def no_audit_commit(house: "House") -> Iterator[None]:
    """The insert works, and the commit does not."""
    house.execute(
        "CREATE FUNCTION refuse_commit() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'refused at commit'; END $$"
    )
    house.execute(
        "CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON lease_log DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION refuse_commit()"
    )
    yield
    house.execute("DROP FUNCTION refuse_commit() CASCADE")


@pytest.mark.parametrize("failure", ["no_audit", "no_audit_commit"])
async def test_no_audit_no_lease(
    house: "House",
    gateway: "Calls",
    sync_bricklink: "Calls",
    seller: str,
    refused: Refused,
    request: pytest.FixtureRequest,
    failure: str,
) -> None:
    await gateway.put(seller)
    request.getfixturevalue(failure)
    problem = await refused(sync_bricklink.lease(seller))
    assert (problem.code, problem.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert problem.reference
    assert house.lease_log(seller) == []


async def test_keys_wait_for_the_audit(house: "House", gateway: "Calls", sync_bricklink: "Calls", seller: str) -> None:
    await gateway.put(seller)
    with house.holding("LOCK TABLE lease_log IN EXCLUSIVE MODE"):
        leasing = asyncio.ensure_future(sync_bricklink.lease(seller))
        await house.until("SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'lease_log'::regclass")
        assert not leasing.done()
    assert (await leasing).key_version == 1


STATEMENTS = ("UPDATE {} SET seller_id = 'x'", "DELETE FROM {}", "TRUNCATE {}", "DELETE FROM {} WHERE false")


@pytest.mark.parametrize("statement", STATEMENTS)
@pytest.mark.parametrize("table", ["lifecycle", "lease_log", "lease_log_rest"])
@pytest.mark.parametrize("app", [True, False])
async def test_the_past_is_not_rewritten(
    house: "House", gateway: "Calls", sync_bricklink: "Calls", seller: str, statement: str, table: str, app: bool
) -> None:
    """Not by the role that serves, which lacks the right, nor by a slip of the owner, whom a trigger stops."""
    await gateway.put(seller)
    await sync_bricklink.lease(seller)
    before = house.rows(f"SELECT * FROM {table} ORDER BY at")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        house.execute(statement.format(table), app=app)
    assert house.rows(f"SELECT * FROM {table} ORDER BY at") == before


async def test_the_head_of_the_chain_is_in_the_log_of_the_process(
    house: "House", running: "Running", gateway: "Calls", seller: str
) -> None:
    """Whoever takes the newest row back before it is published does not take it from where logs are kept."""
    await gateway.put(seller)
    await gateway.rotate(seller, token="ANOTHER-TOKEN")
    await gateway.revoke(seller)
    rows = house.rows("SELECT position, mac FROM lifecycle WHERE seller_id = %s ORDER BY position", seller)
    await running.logged(f'"audit_head": "{rows[-1]["mac"].hex()}"')
    told = [line for line in map(json.loads, running.lines) if line.get("seller") == seller and "audit_head" in line]
    assert [(line["audit_length"], line["audit_head"]) for line in told] == [
        (row["position"], row["mac"].hex()) for row in rows
    ]


async def test_the_serving_role_deletes_no_credential(house: "House", gateway: "Calls", seller: str) -> None:
    await gateway.put(seller)
    for statement in ("DELETE FROM credentials", "TRUNCATE credentials", "DROP TABLE credentials"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            house.execute(statement, app=True)


SEALED: LiteralString = "kek_id, wrapped_data_key, nonce, sealed_keys"


async def refused_as(house: "House", seller: str, problem: RpcProblem, refusal: str) -> None:
    assert (problem.code, problem.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert house.lease_log(seller)[-1]["refusal"] == refusal


async def test_keys_swapped_between_sellers_are_not_lent(
    house: "House", gateway: "Calls", sync_bricklink: "Calls", seller: str, refused: Refused
) -> None:
    thief = f"{seller}-thief"
    await gateway.put(seller)
    await gateway.put(thief)
    house.execute(
        f"UPDATE credentials SET ({SEALED}) = (SELECT {SEALED} FROM credentials WHERE seller_id = %s)"
        " WHERE seller_id = %s",
        seller,
        thief,
    )
    problem = await refused(sync_bricklink.lease(thief))
    await refused_as(house, thief, problem, "unreadable")


@pytest.mark.parametrize(
    ("version_too", "refusal"), [(True, "outdated"), (False, "unreadable")], ids=["whole row", "keys only"]
)
async def test_an_older_version_is_not_lent(
    house: "House",
    gateway: "Calls",
    sync_bricklink: "Calls",
    seller: str,
    refused: Refused,
    version_too: bool,
    refusal: str,
) -> None:
    await gateway.put(seller)
    house.execute(f"CREATE TABLE kept AS SELECT * FROM credentials WHERE seller_id = '{seller}'")
    columns = f"key_version, {SEALED}" if version_too else SEALED
    try:
        await gateway.put(seller)
        house.execute(f"UPDATE credentials SET ({columns}) = (SELECT {columns} FROM kept) WHERE seller_id = %s", seller)
    finally:
        house.execute("DROP TABLE kept")
    problem = await refused(sync_bricklink.lease(seller))
    await refused_as(house, seller, problem, refusal)


async def test_a_revoked_row_that_was_brought_back_is_not_lent(
    house: "House", gateway: "Calls", sync_bricklink: "Calls", seller: str, refused: Refused
) -> None:
    await gateway.put(seller)
    house.execute(f"CREATE TABLE kept AS SELECT * FROM credentials WHERE seller_id = '{seller}'")
    try:
        await gateway.revoke(seller)
        house.execute(
            f"UPDATE credentials SET (enabled, {SEALED}) = (SELECT enabled, {SEALED} FROM kept) WHERE seller_id = %s",
            seller,
        )
    finally:
        house.execute("DROP TABLE kept")
    problem = await refused(sync_bricklink.lease(seller))
    await refused_as(house, seller, problem, "outdated")


@pytest.mark.parametrize("column", ["wrapped_data_key", "nonce", "sealed_keys"])
@pytest.mark.parametrize(
    "damage", ["set_byte({0}, 0, get_byte({0}, 0) # 1)", "substring({0} FROM 1 FOR length({0}) - 1)", "''::bytea"]
)
async def test_damaged_keys_are_not_lent(
    house: "House",
    gateway: "Calls",
    sync_bricklink: "Calls",
    seller: str,
    refused: Refused,
    column: str,
    damage: str,
) -> None:
    await gateway.put(seller)
    house.execute(f"UPDATE credentials SET {column} = {damage.format(column)} WHERE seller_id = %s", seller)
    problem = await refused(sync_bricklink.lease(seller))
    await refused_as(house, seller, problem, "unreadable")


async def test_a_new_put_repairs(
    house: "House", gateway: "Calls", sync_bricklink: "Calls", seller: str, new_keys: NewKeys
) -> None:
    await gateway.put(seller)
    house.execute("UPDATE credentials SET sealed_keys = '' WHERE seller_id = %s", seller)
    keys = new_keys()
    assert (await gateway.put(seller, keys)).key_version == 2
    assert (await sync_bricklink.lease(seller)).bricklink == keys
