"""Who gets what, over real sockets: certificates, roles, and sellers who see nothing of one another."""

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import pytest

from brickops.inventory.v1 import inventory_service_pb2 as pb
from inventory.testing.calls import Calls, Served, a_brick, problem
from servicekit.grpc_client import open_channel
from servicekit.testing.ca import TestAuthority

FILE = (
    b"<INVENTORY><ITEM><ITEMTYPE>P</ITEMTYPE><ITEMID>3001</ITEMID><COLOR>5</COLOR><QTY>4</QTY><PRICE>0.1</PRICE>"
    b"<CONDITION>N</CONDITION></ITEM></INVENTORY>"
)


async def reason_of(call: Awaitable[Any]) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await call
    told = problem(refusal.value)
    return told.code, told.reason


@pytest.mark.parametrize("certificate", ["sync-bricklink", "credentials", "inventory", "devstack"])
async def test_only_the_gateway_may_call(served: Served, certificate: str) -> None:
    async with served.channel(certificate) as channel:
        for seller in (None, "seller-a"):
            call = Calls(channel, seller, role=None, actor=None).list_lots()
            assert await reason_of(call) == (grpc.StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED")


async def test_a_certificate_of_another_authority_gets_nothing(served: Served, tmp_path: Path) -> None:
    stranger = TestAuthority(tmp_path / "stranger").issue("gateway")
    tls = replace(stranger, ca=served.authority.ca_file)
    async with open_channel(served.address, service="inventory", tls=tls) as channel:
        code, _ = await reason_of(Calls(channel, "seller-a").list_lots())
    assert code is grpc.StatusCode.UNAVAILABLE


async def test_no_certificate_gets_nothing(served: Served) -> None:
    trust = grpc.ssl_channel_credentials(root_certificates=served.authority.ca_file.read_bytes())
    options = (("grpc.ssl_target_name_override", "inventory"),)
    async with grpc.aio.secure_channel(served.address, trust, options=options) as channel:
        code, _ = await reason_of(Calls(channel, "seller-a").list_lots())
    assert code is grpc.StatusCode.UNAVAILABLE


async def test_a_call_for_no_seller_or_nobody_is_refused(gateway: grpc.aio.Channel) -> None:
    refused = (grpc.StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED")
    assert await reason_of(Calls(gateway, None).list_lots()) == refused
    assert await reason_of(Calls(gateway, None).create()) == refused
    assert await reason_of(Calls(gateway, "seller-a", actor=None).create()) == refused


async def test_a_viewer_reads_and_changes_nothing(calls: Calls) -> None:
    created = await calls.create()
    lot_id = created.lot.lot_id
    viewer = calls.as_role("viewer")
    assert (await viewer.get(lot_id)).lot == created.lot
    assert (await viewer.list_changes()).changes
    commands = (
        viewer.create(),
        viewer.update(lot_id, "remarks", lot=a_brick(remarks="mine")),
        viewer.adjust(lot_id, 1),
        viewer.archive(lot_id),
        viewer.restore(lot_id),
        viewer.import_file(FILE),
    )
    for command in commands:
        assert await reason_of(command) == (grpc.StatusCode.PERMISSION_DENIED, "ROLE_NOT_ALLOWED")
    assert (await calls.get(lot_id)).lot.revision == 1


async def test_an_editor_changes_lots(calls: Calls) -> None:
    editor = calls.as_role("editor")
    lot_id = (await editor.create()).lot.lot_id
    assert (await editor.adjust(lot_id, -1)).lot.quantity == 39


async def test_an_unknown_role_does_not_even_read(calls: Calls) -> None:
    assert (await reason_of(calls.as_role("buyer").list_lots()))[1] == "ROLE_NOT_ALLOWED"


class Made(NamedTuple):
    lot_id: str
    change_id: str
    import_id: str


OTHER_SELLERS_THINGS: Sequence[tuple[str, Callable[[Calls, Made], Awaitable[Any]]]] = [
    ("LOT_NOT_FOUND", lambda other, made: other.get(made.lot_id)),
    ("LOT_NOT_FOUND", lambda other, made: other.update(made.lot_id, "remarks", lot=a_brick(remarks="mine"))),
    ("LOT_NOT_FOUND", lambda other, made: other.adjust(made.lot_id, 1)),
    ("LOT_NOT_FOUND", lambda other, made: other.archive(made.lot_id)),
    ("LOT_NOT_FOUND", lambda other, made: other.restore(made.lot_id)),
    ("LOT_NOT_FOUND", lambda other, made: other.list_changes(lot_id=made.lot_id)),
    ("IMPORT_NOT_FOUND", lambda other, made: other.list_changes(import_id=made.import_id)),
    ("IMPORT_NOT_FOUND", lambda other, made: other.get_import(made.import_id)),
    ("IMPORT_NOT_FOUND", lambda other, made: other.list_rows(made.import_id)),
    (
        "CHANGE_NOT_FOUND",
        lambda other, made: other.stub.GetChange(pb.GetChangeRequest(change_id=made.change_id), **other.how),
    ),
]


async def test_another_sellers_things_are_not_found(calls: Calls) -> None:
    created = await calls.create()
    operation = await calls.import_file(FILE)
    made = Made(created.lot.lot_id, created.change_id, operation.import_id)
    other = replace(calls, seller=f"seller-{uuid.uuid4()}")
    for reason, call in OTHER_SELLERS_THINGS:
        assert await reason_of(call(other, made)) == (grpc.StatusCode.NOT_FOUND, reason)
    assert not (await other.list_lots(include_archived=True)).lots
    assert not (await other.list_changes()).changes
    assert not (await other.stub.ListImports(pb.ListImportsRequest(), **other.how)).imports
    assert (await calls.get(made.lot_id)).lot.revision == 1


async def test_sellers_may_use_the_same_request_id(calls: Calls) -> None:
    other = replace(calls, seller=f"seller-{uuid.uuid4()}")
    first, second = await calls.create(request_id="the-same"), await other.create(request_id="the-same")
    assert first.lot.lot_id != second.lot.lot_id


async def test_a_page_token_of_another_seller_shows_nothing_of_theirs(calls: Calls) -> None:
    for _ in range(2):
        await calls.create()
    token = (await calls.list_lots(page_size=1)).next_page_token
    other = replace(calls, seller=f"seller-{uuid.uuid4()}")
    assert not (await other.list_lots(page_token=token)).lots
