"""Who gets nothing: strangers from the services, one seller from another, a role from what it may not, a bad token."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from brickops.credentials.v1 import credentials_admin_service_pb2 as admin_pb
from brickops.credentials.v1 import credentials_service_pb2 as lease_pb
from brickops.credentials.v1.credentials_admin_service_pb2_grpc import CredentialsAdminServiceStub
from brickops.credentials.v1.credentials_service_pb2_grpc import CredentialsServiceStub
from brickops.inventory.v1 import inventory_service_pb2 as inventory_pb
from brickops.inventory.v1.inventory_service_pb2_grpc import InventoryServiceStub
from brickops.sync.v1 import sync_service_pb2 as sync_pb
from brickops.sync.v1.sync_service_pb2_grpc import SyncServiceStub
from devstack.testing import Stack
from product.lots import Json, a_part
from product.seller import BRICKLINK, NewSeller, Seller, problem
from product.waiting import until
from servicekit.callers import outgoing_metadata
from servicekit.grpc_client import open_channel
from servicekit.mtls import TlsFiles
from servicekit.testing.ca import TestAuthority

SERVICES = ("inventory", "credentials", "sync-bricklink")
EVERYBODY = ("inventory", "credentials", "sync-bricklink", "sync-brickowl", "gateway", "devstack")

Ask = Callable[[grpc.aio.Channel, Any], Any]

RPCS: Mapping[str, tuple[str, Ask]] = {
    "lots": ("inventory", lambda ch, md: InventoryServiceStub(ch).ListLots(inventory_pb.ListLotsRequest(), **md)),
    "changes": (
        "inventory",
        lambda ch, md: InventoryServiceStub(ch).ListChanges(inventory_pb.ListChangesRequest(), **md),
    ),
    "key status": (
        "credentials",
        lambda ch, md: CredentialsAdminServiceStub(ch).GetCredentialStatus(
            admin_pb.GetCredentialStatusRequest(marketplace="bricklink"), **md
        ),
    ),
    "revoking keys": (
        "credentials",
        lambda ch, md: CredentialsAdminServiceStub(ch).RevokeCredential(
            admin_pb.RevokeCredentialRequest(request_id="e2e", marketplace="bricklink"), **md
        ),
    ),
    "connection": (
        "sync-bricklink",
        lambda ch, md: SyncServiceStub(ch).GetConnection(sync_pb.GetConnectionRequest(), **md),
    ),
    "consent": (
        "sync-bricklink",
        lambda ch, md: SyncServiceStub(ch).ConfirmConnection(sync_pb.ConfirmConnectionRequest(request_id="e2e"), **md),
    ),
}
"""Calls that the gateway makes for a seller, and the service that answers them."""


async def _lease(stack: Stack, tls: TlsFiles, seller: Seller, *metadata: tuple[str, str]) -> Any:
    async with open_channel(stack.address("credentials"), service="credentials", tls=tls) as channel:
        asked = lease_pb.LeaseCredentialRequest(seller_id=seller.seller_id, marketplace="bricklink")
        return await CredentialsServiceStub(channel).LeaseCredential(asked, metadata=metadata, timeout=20)


async def _refusal(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


@pytest.fixture(scope="module")
def certificates(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, TlsFiles]:
    """A certificate of this stack's authority for every name, and some that it must refuse under names of their own."""
    authority = stack.authority()
    stranger = TestAuthority(tmp_path_factory.mktemp("stranger")).issue("sync-bricklink")
    return {
        **{name: authority.issue(name, name=f"e2e-{name}") for name in EVERYBODY},
        "another authority's": TlsFiles(ca=authority.ca_file, certificate=stranger.certificate, key=stranger.key),
        "expired": authority.issue("sync-bricklink", expired=True, name="e2e-expired"),
        "of another house": authority.issue(
            "sync-bricklink", uri="spiffe://brickhouse/sync-bricklink", name="e2e-other-house"
        ),
        "with the name in its DNS only": authority.issue(
            "sync-brickowl", dns="sync-bricklink", name="e2e-dns-only"
        ),
    }  # fmt: skip


async def test_only_sync_bricklink_is_lent_bricklink_keys(
    stack: Stack, seller: Seller, certificates: dict[str, TlsFiles]
) -> None:
    await seller.connect(state=None)
    lent = await _lease(stack, certificates["sync-bricklink"], seller)
    assert lent.bricklink.consumer_secret == seller.keys["consumer_secret"]
    for name in certificates.keys() - {"sync-bricklink", "another authority's", "expired"}:
        refusal = await _refusal(_lease(stack, certificates[name], seller))
        assert refusal.code() is grpc.StatusCode.PERMISSION_DENIED, name
        assert not [value for value in seller.keys.values() if value in str(refusal.details())]


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("who", ["another authority's", "expired"])
async def test_a_bad_certificate_does_not_get_past_the_handshake(
    stack: Stack, certificates: dict[str, TlsFiles], service: str, who: str
) -> None:
    async with open_channel(stack.address(service), service=service, tls=certificates[who]) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        refusal = await _refusal(health.Check(health_pb2.HealthCheckRequest(), timeout=20))
        assert refusal.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("service", SERVICES)
async def test_no_certificate_does_not_get_past_the_handshake(stack: Stack, service: str) -> None:
    trusting = grpc.ssl_channel_credentials(stack.authority().ca_file.read_bytes())
    override = (("grpc.ssl_target_name_override", service),)
    for channel in (
        grpc.aio.secure_channel(stack.address(service), trusting, options=override),
        grpc.aio.insecure_channel(stack.address(service)),
    ):
        async with channel:
            health = health_pb2_grpc.HealthStub(channel)
            refusal = await _refusal(health.Check(health_pb2.HealthCheckRequest(), timeout=20))
            assert refusal.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_is_believed_only_under_its_own_name(stack: Stack, service: str) -> None:
    """A client that wants another service than the one that answers at this address talks to nobody."""
    for other in {*SERVICES, "localhost", "127.0.0.1"} - {service}:
        async with open_channel(stack.address(service), service=other, tls=stack.tls("devstack")) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            refusal = await _refusal(health.Check(health_pb2.HealthCheckRequest(), timeout=20))
            assert refusal.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("what", RPCS)
async def test_only_the_gateway_may_ask_for_a_seller(
    stack: Stack, seller: Seller, certificates: dict[str, TlsFiles], what: str
) -> None:
    service, ask = RPCS[what]
    await seller.connect(state=None)
    on_behalf = {
        "metadata": outgoing_metadata(seller_id=seller.seller_id, actor=seller.user_id(), role="owner"),
        "timeout": 5,
    }
    for name in {*EVERYBODY} - {"gateway"}:
        async with open_channel(stack.address(service), service=service, tls=certificates[name]) as channel:
            refusal = await _refusal(ask(channel, on_behalf))
            assert refusal.code() is grpc.StatusCode.PERMISSION_DENIED, name
    if what in ("lots", "changes", "key status", "connection"):  # those that change nothing, to see that the rest holds
        async with open_channel(stack.address(service), service=service, tls=certificates["gateway"]) as channel:
            await ask(channel, on_behalf)
            nobody = {"metadata": outgoing_metadata(actor=seller.user_id(), role="owner"), "timeout": 5}
            assert (await _refusal(ask(channel, nobody))).code() is grpc.StatusCode.PERMISSION_DENIED
            no_role = {"metadata": outgoing_metadata(seller_id=seller.seller_id), "timeout": 5}
            assert (await _refusal(ask(channel, no_role))).code() is grpc.StatusCode.PERMISSION_DENIED
    assert (await seller.told("GET", BRICKLINK))["configured"]


@pytest.mark.parametrize("key", ["x-brickops-seller", "x-brickops-actor", "x-brickops-role"])
async def test_seller_metadata_is_refused_even_where_a_service_may_call(
    stack: Stack, seller: Seller, certificates: dict[str, TlsFiles], key: str
) -> None:
    await seller.connect(state=None)
    said = (key, "owner" if key.endswith("role") else seller.seller_id)
    refusal = await _refusal(_lease(stack, certificates["sync-bricklink"], seller, said))
    assert refusal.code() is grpc.StatusCode.PERMISSION_DENIED
    for service in SERVICES:
        async with open_channel(stack.address(service), service=service, tls=certificates["devstack"]) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            refusal = await _refusal(health.Check(health_pb2.HealthCheckRequest(), metadata=(said,), timeout=20))
            assert refusal.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_a_seller_sees_nothing_of_another(new_seller: NewSeller) -> None:
    mine, theirs = await new_seller(), await new_seller()
    lot = await mine.create()
    imported = await mine.told(
        "POST",
        "/v1/imports",
        content=f"<INVENTORY><ITEM><ITEMTYPE>P</ITEMTYPE><ITEMID>3001</ITEMID><COLOR>{1}</COLOR><QTY>4</QTY>"
        "<PRICE>0.12</PRICE><CONDITION>N</CONDITION></ITEM></INVENTORY>",
        headers={"Content-Type": "application/xml"},
    )
    await mine.connect(state=None)
    edit = {"edit": {"remarks": "mine now"}}
    edited = await mine.told("POST", "/v1/bulk-edits", json={"lot_ids": [lot["lot_id"]], "edit": {"archived": False}})
    edit_path = f"/v1/bulk-edits/{edited['bulk_edit_id']}"
    await until(lambda: mine.told("GET", edit_path), lambda found: bool(found["state"] == "done"))
    before = [await mine.lots(), await mine.changes(), await mine.told("GET", BRICKLINK)]
    lot_path, import_path = f"/v1/lots/{lot['lot_id']}", f"/v1/imports/{imported['import_id']}"
    [change, *_] = await mine.changes(lot["lot_id"])
    for method, path, body in (
        ("GET", lot_path, None),
        ("GET", f"{lot_path}/sync", None),
        ("PATCH", lot_path, {"remarks": "mine now"}),
        ("POST", f"{lot_path}/adjust", {"by": 1}),
        ("POST", f"{lot_path}/archive", None),
        ("POST", f"{lot_path}/restore", None),
        ("GET", f"/v1/changes/{change['change_id']}", None),
        ("GET", f"/v1/changes?lot_id={lot['lot_id']}", None),
        ("GET", f"/v1/changes?import_id={imported['import_id']}", None),
        ("GET", import_path, None),
        ("GET", f"{import_path}/rows", None),
        ("GET", f"{import_path}/rows.csv", None),
        ("POST", f"{import_path}/confirm", {"duplicates": "skip"}),
        ("POST", f"{import_path}/cancel", None),
        ("POST", f"{import_path}/undo", None),
        ("GET", edit_path, None),
        ("POST", f"{edit_path}/cancel", None),
        ("POST", f"{edit_path}/undo", None),
        ("GET", f"/v1/changes?bulk_edit_id={edited['bulk_edit_id']}", None),
        ("GET", f"{BRICKLINK}/differences", None),
        ("GET", f"{BRICKLINK}/plan", None),
        ("POST", f"{BRICKLINK}/confirm", None),
        ("DELETE", BRICKLINK, None),
    ):
        problem(await theirs.ask(method, path, json=body), 404)
    for path in ("/v1/bulk-edits", "/v1/bulk-edits/preview"):
        problem(await theirs.ask("POST", path, json={"lot_ids": [lot["lot_id"]], **edit}), 400)
    assert await theirs.lots() == await theirs.changes() == await theirs.every("/v1/imports") == []
    for connection in await theirs.every("/v1/connections"):
        assert (connection["state"], connection["shop_name"], connection["sync"]) == ("not_connected", None, None)
    [lots, changes, connected] = [await mine.lots(), await mine.changes(), await mine.told("GET", BRICKLINK)]
    assert [_without_sync(one) for one in lots] == [_without_sync(one) for one in before[0]]
    assert (changes, connected["key_version"]) == (before[1], before[2]["key_version"])


async def test_one_sellers_request_id_and_cursor_are_nothing_to_another(new_seller: NewSeller) -> None:
    mine, theirs = await new_seller(), await new_seller()
    key = {"Idempotency-Key": "the-same"}
    first = await mine.create(headers=key)
    second = await theirs.create(headers=key)
    assert first["lot_id"] != second["lot_id"]
    await mine.create(a_part(color_id=1))
    page = await mine.told("GET", "/v1/lots", params={"limit": 1})
    seen = await theirs.told("GET", "/v1/lots", params={"limit": 5, "cursor": page["next_cursor"]})
    assert {lot["lot_id"] for lot in seen["items"]} <= {second["lot_id"]}


def _without_sync(lot: Json) -> Json:
    return {name: value for name, value in lot.items() if name != "sync"}


async def test_a_role_may_do_what_it_is_for(seller: Seller) -> None:
    lot = await seller.create(role="editor")
    path = f"/v1/lots/{lot['lot_id']}"
    keys = {"keys": seller.keys, "shop_name": seller.shop_name, "currency": "EUR"}
    may: dict[str, list[tuple[str, str, Any]]] = {
        "viewer": [("GET", at, None) for at in (path, "/v1/lots", "/v1/changes", "/v1/imports", BRICKLINK)],
        "editor": [("PATCH", path, {"remarks": "x"}), ("POST", f"{path}/adjust", {"by": 1}), ("GET", path, None)],
    }
    may_not: dict[str, list[tuple[str, str, Any]]] = {
        "viewer": [
            ("POST", "/v1/lots", a_part()),
            ("PATCH", path, {"remarks": "x"}),
            ("POST", f"{path}/adjust", {"by": 1}),
            ("POST", f"{path}/archive", None),
            ("POST", f"{path}/restore", None),
            ("POST", "/v1/imports", None),
            ("PUT", BRICKLINK, keys),
            ("DELETE", BRICKLINK, None),
            ("POST", f"{BRICKLINK}/confirm", None),
        ],
        "editor": [("PUT", BRICKLINK, keys), ("DELETE", BRICKLINK, None), ("POST", f"{BRICKLINK}/confirm", None)],
    }
    for role, requests in may.items():
        for method, at, body in requests:
            assert (await seller.ask(method, at, json=body, role=role)).is_success, (role, method, at)
    before = await seller.changes()
    for role, requests in may_not.items():
        for method, at, body in requests:
            problem(await seller.ask(method, at, json=body, role=role), 403, "ROLE_NOT_ALLOWED")
    assert await seller.changes() == before
    assert not (await seller.told("GET", BRICKLINK))["configured"]


def _signed(
    stack: Stack, seller: Seller, /, *, key: ECKey | OctKey | None = None, alg: str = "ES256", **claims: Any
) -> str:
    """A token like the seller's own, but with these claims (None: without), and signed with this key."""
    own = ECKey.import_key(_signing_key(stack))
    good = jwt.decode(seller.token(), own).claims
    altered = {name: value for name, value in {**good, **claims}.items() if value is not None}
    return jwt.encode({"alg": alg, "kid": own.kid}, altered, key or own, algorithms=[alg])


def _signing_key(stack: Stack) -> Any:
    return json.loads((Path(stack.folder) / "issuer" / "signing-key.json").read_text())


def _tokens(stack: Stack, seller: Seller) -> dict[str, str]:
    public = json.dumps({name: value for name, value in _signing_key(stack).items() if name != "d"})
    header, body, signature = seller.token().split(".")
    return {
        "expired": _signed(stack, seller, iat=1_700_000_000, exp=1_700_003_600),
        "without expiry": _signed(stack, seller, exp=None),
        "of a key that is not the issuer's": _signed(stack, seller, key=ECKey.generate_key("P-256")),
        "signed with the public key as a password": _signed(stack, seller, key=OctKey.import_key(public), alg="HS256"),
        "for another audience": _signed(stack, seller, aud="other"),
        "for no audience": _signed(stack, seller, aud=None),
        "of another issuer": _signed(stack, seller, iss="http://127.0.0.1:1"),
        "of nobody": _signed(stack, seller, sub=None),
        "for no seller": _signed(stack, seller, seller=None),
        "with a role that is none": _signed(stack, seller, role="admin"),
        "without a signature": f"{header}.{body}.",
        "with another body": f"{header}.{_signed(stack, seller, seller='seller-other').split('.')[1]}.{signature}",
        "unsigned": "eyJhbGciOiJub25lIn0." + body + ".",
        "no token": "owner",
    }


async def test_a_bad_token_gets_nothing(stack: Stack, seller: Seller) -> None:
    await seller.create()
    own = {"Authorization": f"Bearer {_signed(stack, seller)}"}  # what the bad ones differ from
    assert (await seller.ask("GET", "/v1/lots", headers=own)).is_success
    for what, token in _tokens(stack, seller).items():
        for method, path, body in (("GET", "/v1/lots", None), ("POST", "/v1/lots", a_part()), ("GET", BRICKLINK, None)):
            answer = await seller.ask(method, path, json=body, headers={"Authorization": f"Bearer {token}"})
            problem(answer, 401)
            assert answer.headers["www-authenticate"].startswith("Bearer"), what
            assert token not in answer.text, what
    for headers in ({"Authorization": ""}, {"Authorization": f"Basic {seller.token()}"}):
        problem(await seller.ask("GET", "/v1/lots", headers=headers), 401, "TOKEN_MISSING")
    assert len(await seller.lots()) == 1
