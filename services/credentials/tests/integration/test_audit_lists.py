"""What happened to keys and who asked for them, page by page; the log of leases by months."""

import asyncio
import hashlib
import logging
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest

from brickops.credentials.v1 import credential_audit_pb2 as audit_pb
from brickops.credentials.v1.bricklink_keys_pb2 import BrickLinkKeys
from credentials.tidying import forget_requests, keep_lease_log, tidy_regularly
from servicekit.clock import SystemClock
from servicekit.grpc_errors import RpcProblem

if TYPE_CHECKING:
    from services.credentials.tests.integration.conftest import Calls, House, Running

Refused = Callable[[Awaitable[object]], Awaitable[RpcProblem]]

HOUSE_OF_ITS_OWN = True
"""The log of leases is cut into months, of which no other test may know."""


def certificate(house: "House", service: str) -> str:
    pem = house.certificate(service).certificate.read_text()
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


async def test_events_are_listed_newest_first_page_by_page(house: "House", gateway: "Calls", seller: str) -> None:
    await gateway.put(seller, actor="user-1")
    await gateway.rotate(seller, token="ANOTHER-TOKEN", actor="user-2")
    await gateway.put_brickowl(seller, "a-key-of-brick-owl")
    await gateway.revoke(seller, actor="user-3")
    first = await gateway.events(seller, page_size=2)
    second = await gateway.events(seller, page_size=2, page_token=first.next_page_token)
    assert not second.next_page_token
    assert [(one.kind, one.key_version, one.actor, one.position) for one in (*first.events, *second.events)] == [
        (audit_pb.CREDENTIAL_EVENT_KIND_REVOKE, 2, "user-3", 4),
        (audit_pb.CREDENTIAL_EVENT_KIND_ROTATE, 2, "user-2", 2),
        (audit_pb.CREDENTIAL_EVENT_KIND_PUT, 1, "user-1", 1),
    ]
    assert {one.certificate for one in first.events} == {certificate(house, "gateway")}
    assert {(one.marketplace, one.correlation_id) for one in first.events} == {("bricklink", f"correlation-{seller}")}
    assert first.events[0].at.ToDatetime() > first.events[1].at.ToDatetime()


async def test_leases_are_listed_newest_first_page_by_page(
    house: "House", gateway: "Calls", sync_bricklink: "Calls", seller: str, refused: Refused
) -> None:
    await refused(sync_bricklink.lease(seller))
    await gateway.put(seller)
    lease = await sync_bricklink.lease(seller)
    await refused(gateway.lease(seller))
    first = await gateway.leases(seller, page_size=2)
    second = await gateway.leases(seller, page_size=2, page_token=first.next_page_token)
    assert not second.next_page_token
    assert [(one.caller, one.granted, one.refusal, one.key_version) for one in (*first.leases, *second.leases)] == [
        ("gateway", False, "caller_not_allowed", 0),
        ("sync-bricklink", True, "", 1),
        ("sync-bricklink", False, "not_found", 0),
    ]
    assert first.leases[1].expires_at == lease.expires_at
    assert not first.leases[0].HasField("expires_at")
    callers = ("gateway", "sync-bricklink")
    assert [one.certificate for one in first.leases] == [certificate(house, service) for service in callers]


async def test_lists_are_the_owners_and_name_what_is_wrong(gateway: "Calls", seller: str, refused: Refused) -> None:
    await gateway.put(seller)
    for call in (gateway.events, gateway.leases):
        assert (await refused(call(seller, role="editor"))).reason == "ROLE_NOT_ALLOWED"
        assert not (await call(f"{seller}-other")).next_page_token
        for page, field in (
            ({"page_size": 501}, "page_size"),
            ({"page_token": "not a token"}, "page_token"),
            ({"page_token": "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5"}, "page_token"),
            ({"marketplace": "ebay"}, "marketplace"),
        ):
            assert [named for named, _ in (await refused(call(seller, **page))).violations] == [field]
    assert len((await gateway.events(f"{seller}-other")).events) == 0


def months(house: "House") -> dict[str, int]:
    """How many rows each part of the log has."""
    parts = house.rows(
        "SELECT inhrelid::regclass::text AS part FROM pg_inherits WHERE inhparent = 'lease_log'::regclass"
    )
    return {one["part"]: len(house.rows(f"SELECT 1 FROM {one['part']}")) for one in parts}


async def test_the_log_of_leases_is_kept_by_months(
    house: "House", running: "Running", gateway: "Calls", sync_bricklink: "Calls", seller: str
) -> None:
    """By the service, made ahead, filled from the rest, dropped when old; leases go on and nothing is rewritten."""
    await running.logged("old requests were forgotten")
    old = "INSERT INTO lease_log (at, caller, seller_id, marketplace, granted, refusal, correlation_id)"
    for at in ("2025-01-31 23:59:59.999999+00", "2025-02-01 00:00+00", "2026-09-30 12:00+00"):
        house.execute(f"{old} VALUES (%s, 'x', %s, 'bricklink', false, 'not_found', '')", at, seller, app=True)
    await gateway.put(seller)
    await sync_bricklink.lease(seller)
    now = datetime.now(UTC)
    this_month = f"lease_log_{now:%Y_%m}"

    kept_for = now - datetime(2025, 2, 15, tzinfo=UTC)
    kept = await keep_lease_log(house.urls.app, kept_for=kept_for)
    assert kept == (["2025_01", "2025_02", "2026_09"], ["2025_01"]), "the others the service made when it began"
    parts = months(house)
    assert (parts["lease_log_rest"], parts["lease_log_2025_02"], parts["lease_log_2026_09"]) == (0, 1, 1)
    assert "lease_log_2025_01" not in parts

    before = parts[this_month]
    await sync_bricklink.lease(seller)
    assert months(house)[this_month] == before + 1
    assert await keep_lease_log(house.urls.app, kept_for=kept_for) == ([], [])
    for part in (this_month, "lease_log_rest", "lease_log"):
        for statement in ("UPDATE {} SET caller = 'y'", "DELETE FROM {}", "TRUNCATE {}"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                house.execute(statement.format(part))
    with pytest.raises(psycopg.errors.RaiseException):
        await keep_lease_log(house.urls.app, kept_for=timedelta(days=89))
    assert (await keep_lease_log(house.urls.app, kept_for=timedelta(days=90))).dropped[0] == "2025_02"


async def test_old_requests_are_forgotten_in_batches_and_others_answered_as_before(
    house: "House", gateway: "Calls", seller: str, new_keys: Callable[[], BrickLinkKeys]
) -> None:
    request_ids = [f"request-{number}" for number in range(5)]
    keys = new_keys()
    for request_id in request_ids:
        await gateway.put(seller, keys, request_id=request_id)
    now, kept_for = datetime.now(UTC), timedelta(days=30)
    old = "UPDATE requests SET answered_at = %s WHERE seller_id = %s AND request_id <> 'request-4'"
    house.execute(old, now - kept_for - timedelta(seconds=1), seller)
    with house.holding(f"SELECT FROM requests WHERE seller_id = '{seller}' AND request_id = 'request-1' FOR UPDATE"):
        assert await forget_requests(house.urls.app, now=now, kept_for=kept_for, batch=2) == 3
    assert await forget_requests(house.urls.app, now=now, kept_for=kept_for, batch=2) == 1
    assert (await gateway.put(seller, keys, request_id="request-4")).key_version == 5
    assert (await gateway.put(seller, keys, request_id="request-3")).key_version == 6


def test_the_command_tidies_up(house: "House") -> None:
    ended = house.run("tidy")
    assert ended.returncode == 0, ended.stderr
    assert '"forgotten": ' in ended.stderr


async def test_a_database_that_is_away_is_waited_for(unused_tcp_port: int) -> None:
    """Whoever serves goes on serving."""
    url, kept = f"postgresql://nobody@127.0.0.1:{unused_tcp_port}/nothing", timedelta(days=400)
    said: asyncio.Queue[str] = asyncio.Queue()

    def note(record: logging.LogRecord) -> bool:
        said.put_nowait(record.getMessage())
        return True

    log = logging.getLogger("credentials.tidying")
    log.addFilter(note)
    tidying = asyncio.ensure_future(tidy_regularly(url, SystemClock(), lease_log_kept=kept, requests_kept=kept))
    try:
        assert await asyncio.wait_for(said.get(), 30) == "could not tidy up"
        assert not tidying.done()
    finally:
        log.removeFilter(note)
        tidying.cancel()
