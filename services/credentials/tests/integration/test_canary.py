"""A canary as consumer key and as secret sings nowhere but in the lease."""

import base64
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import grpc
import pytest

from brickops.credentials.v1.bricklink_keys_pb2 import BrickLinkKeys

if TYPE_CHECKING:
    from services.credentials.tests.integration.conftest import Calls, House, Running

CANARY_KEY = "canary+key/of=a%seller&1"
CANARY_SECRET = "canary+secret/of=a%seller&2"
CANARIES = (CANARY_KEY, CANARY_SECRET)


def songs(text: str) -> list[str]:
    """Where a canary can be heard, plain or in the encodings in which secrets travel."""
    forms = [
        form
        for canary in CANARIES
        for form in (
            canary,
            quote(canary),
            quote(canary, safe=""),
            canary.encode().hex(),
            *(base64.b64encode(b"x" * shift + canary.encode())[4:-4].decode() for shift in range(3)),
        )
    ]
    return [
        text[max(0, match.start() - 80) : match.end()] for form in forms for match in re.finditer(re.escape(form), text)
    ]


async def everything_of(call: Awaitable[object]) -> str:
    """All that an error shows to its caller."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    error = refused.value
    trailers = [*(error.initial_metadata() or ()), *(error.trailing_metadata() or ())]
    return f"{error!r} {error.details()} {error.debug_error_string()} {trailers}"


async def test_the_canary_is_heard_nowhere(
    house: "House",
    running: "Running",
    gateway: "Calls",
    sync_bricklink: "Calls",
    seller: str,
    new_keys: Callable[..., BrickLinkKeys],
) -> None:
    keys = new_keys(consumer_key=CANARY_KEY, consumer_secret=CANARY_SECRET)
    await gateway.put(seller, keys, request_id="one")
    lease = await sync_bricklink.lease(seller)
    assert songs(str(lease))  # the search finds what is there

    shown = [
        await everything_of(gateway.put(seller, new_keys(), request_id="one")),
        await everything_of(gateway.put(seller, new_keys(consumer_key=CANARY_KEY, token=CANARY_KEY))),
        await everything_of(gateway.put(seller, new_keys(consumer_key=f"{CANARY_KEY} {CANARY_SECRET}"))),
        await everything_of(gateway.put(seller, keys, shop_name="")),
        await everything_of(gateway.put(seller, keys, role="viewer")),
        await everything_of(sync_bricklink.put(seller, keys)),
        await everything_of(sync_bricklink.lease(seller, "brickowl")),
    ]
    for table, right in (
        ("credentials", "UPDATE"),
        ("requests", "INSERT"),
        ("outbox", "INSERT"),
        ("lease_log", "INSERT"),
    ):
        house.execute(f"REVOKE {right} ON {table} FROM credentials")
        shown.append(
            await everything_of(sync_bricklink.lease(seller) if table == "lease_log" else gateway.put(seller, keys))
        )
        house.execute(f"GRANT {right} ON {table} TO credentials")
    house.execute("UPDATE credentials SET nonce = sealed_keys WHERE seller_id = %s", seller)
    shown.append(await everything_of(sync_bricklink.lease(seller)))
    assert songs("\n".join(shown)) == []

    await gateway.put(seller, keys)
    await gateway.revoke(seller)
    await gateway.put(seller, keys)
    assert songs(tables_in_clear(house)) == []
    records = await house.records(seller, 4)
    assert songs("\n".join(f"{record.key!r} {record.value!r} {record.headers}" for record in records)) == []
    assert songs(processes()) == []

    log = "".join(running.lines)
    assert log.count('"an unexpected error"') >= 5
    assert songs(log) == []


def tables_in_clear(house: "House") -> str:
    """Each row of each table, as text, with bytes also as the text that they might be."""
    tables = house.rows("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
    assert {"credentials", "lifecycle", "lease_log", "requests", "outbox"} <= {table["table_name"] for table in tables}
    rows = [row for table in tables for row in house.rows(f"SELECT * FROM {table['table_name']}")]
    values = [value for row in rows for value in row.values()]
    return "\n".join(value.decode("latin-1") if isinstance(value, bytes) else str(value) for value in values)


def processes() -> str:
    """Command lines and environments that this user can read; the test's own canaries are not in them."""
    shown = []
    for process in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            try:
                shown.append((process / name).read_text(errors="replace"))
            except OSError:  # gone, or somebody else's
                continue
    return "\n".join(shown)
