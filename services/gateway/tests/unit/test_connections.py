from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from brickops.credentials.v1 import bricklink_keys_pb2
from brickops.credentials.v1 import credentials_admin_service_pb2 as credentials
from brickops.sync.v1 import sync_service_pb2
from gateway.connections.models import KeysChanged, NewConnection
from gateway.connections.translate import change_to_proto, connection_of, credential_to_proto, difference_of

KEYS = {"consumer_key": "CK-canary", "consumer_secret": "CS-canary", "token": "T-canary", "token_secret": "TS-canary"}
BODY: dict[str, Any] = {"keys": KEYS, "shop_is_empty": True, "shop_name": "demo_seller", "currency": "EUR"}
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def credential(*, configured: bool = True) -> credentials.CredentialStatus:
    status = credentials.CredentialStatus(
        marketplace="bricklink",
        configured=configured,
        key_version=2,
        updated_by="user-1",
        shop_is_empty=True,
        shop_name="demo_seller",
        currency_code="EUR",
    )
    status.updated_at.FromDatetime(NOON)
    if configured:
        status.connected_at.FromDatetime(NOON)
    return status


def sync(state: sync_service_pb2.ConnectionState.ValueType, **fields: Any) -> sync_service_pb2.Connection:
    return sync_service_pb2.Connection(marketplace="bricklink", state=state, **{"key_version": 2, **fields})


def test_keys_go_to_the_vault_as_they_are() -> None:
    assert credential_to_proto(NewConnection.model_validate(BODY), "r-1") == credentials.PutCredentialRequest(
        request_id="r-1",
        bricklink=bricklink_keys_pb2.BrickLinkKeys(**KEYS),
        shop_is_empty=True,
        shop_name="demo_seller",
        currency_code="EUR",
    )


def test_brick_owls_key_goes_to_the_vault_as_it_is() -> None:
    connection = NewConnection.model_validate(BODY | {"keys": {"key": "K-canary"}})
    asked = credential_to_proto(connection, "r-1")
    assert (asked.WhichOneof("keys"), asked.brickowl.key) == ("brickowl", "K-canary")
    changed = change_to_proto(KeysChanged.model_validate({"keys": {"key": "K2-canary"}}), "r-2")
    assert (changed.WhichOneof("keys"), changed.brickowl.key) == ("brickowl", "K2-canary")
    assert "canary" not in repr(connection)


def test_of_a_change_only_what_is_named_goes_to_the_vault() -> None:
    change = KeysChanged.model_validate({"keys": {"token": "T-canary", "token_secret": "TS-canary"}})
    asked = change_to_proto(change, "r-1")
    assert [(field.name, value) for field, value in asked.bricklink.ListFields()] == [
        ("token", "T-canary"),
        ("token_secret", "TS-canary"),
    ]
    assert "canary" not in repr(change)


def test_keys_are_in_no_representation_and_no_refusal() -> None:
    shown = repr(NewConnection.model_validate(BODY)) + NewConnection.model_validate(BODY).model_dump_json()
    with pytest.raises(ValidationError) as refused:
        NewConnection.model_validate(BODY | {"keys": KEYS | {"token": ["T-canary"], "more": "M-canary"}})

    assert "canary" not in shown + str(refused.value)


@pytest.mark.parametrize("key", ["half \ud800", "nul \0", 7, None])
def test_a_key_that_cannot_travel_is_refused_by_its_name(key: object) -> None:
    with pytest.raises(ValidationError) as refused:
        NewConnection.model_validate(BODY | {"keys": KEYS | {"token_secret": key}})

    assert [error["loc"] for error in refused.value.errors()] == [("keys", "bricklink", "token_secret")]


def test_a_connection_is_what_credentials_and_sync_know() -> None:
    told = sync(
        sync_service_pb2.CONNECTION_STATE_HALTED,
        reason="WRONG_KEY",
        message="BrickLink does not accept the keys: put them again.",
        calls_used=12,
        calls_limit=5000,
        waiting_lots=3,
        unknown_lots=1,
        match=sync_service_pb2.Match(linked=1, to_create=2, ambiguous=3, unowned=4, different=5),
        batches=[sync_service_pb2.BatchKind(kind="CREATES", used=True, message="Seen.")],
    )
    told.last_census_at.FromDatetime(NOON)

    assert connection_of("bricklink", credential(), told).model_dump(mode="json") == {
        "marketplace": "bricklink",
        "state": "halted",
        "reason": "WRONG_KEY",
        "message": "BrickLink does not accept the keys: put them again.",
        "configured": True,
        "key_version": 2,
        "shop_name": "demo_seller",
        "currency": "EUR",
        "shop_is_empty": True,
        "connected_at": "2026-11-01T12:00:00Z",
        "updated_at": "2026-11-01T12:00:00Z",
        "updated_by": "user-1",
        "lease_expires_at": None,
        "validated_at": None,
        "validation": None,
        "sync": {
            "last_census_at": "2026-11-01T12:00:00Z",
            "last_order_read_at": None,
            "last_ping_at": None,
            "waiting_until": None,
            "paused_at": None,
            "oldest_waiting_at": None,
            "reasons": [],
            "progress": None,
            "alarm": None,
            "other_shop": None,
            "batches": [{"kind": "CREATES", "used": True, "message": "Seen."}],
            "budget": {"calls_used": 12, "calls_limit": 5000, "tiers": []},
            "waiting_lots": 3,
            "unknown_lots": 1,
            "match": {"linked": 1, "to_create": 2, "ambiguous": 3, "unowned": 4, "different": 5},
        },
    }


@pytest.mark.parametrize(
    ("stored", "told", "state"),
    [
        (None, None, "not_connected"),
        (None, sync(sync_service_pb2.CONNECTION_STATE_READY), "not_connected"),
        (credential(configured=False), sync(sync_service_pb2.CONNECTION_STATE_READY), "not_connected"),
        (credential(), None, "unavailable"),
        (credential(), sync(sync_service_pb2.CONNECTION_STATE_UNSPECIFIED), "connecting"),
        (credential(), sync(sync_service_pb2.CONNECTION_STATE_NOT_CONNECTED), "connecting"),
        (credential(), sync(sync_service_pb2.CONNECTION_STATE_MATCHING), "matching"),
        (credential(), sync(sync_service_pb2.CONNECTION_STATE_AWAITING_CONFIRMATION), "awaiting_confirmation"),
        (credential(), sync(sync_service_pb2.CONNECTION_STATE_READY), "ready"),
        (credential(), sync(sync_service_pb2.CONNECTION_STATE_WAITING), "waiting"),
        (credential(), sync(sync_service_pb2.CONNECTION_STATE_PAUSED), "paused"),
        (credential(), sync(sync_service_pb2.CONNECTION_STATE_HALTED, key_version=1), "connecting"),
    ],
)
def test_the_state_is_told_by_who_knows_it(
    stored: credentials.CredentialStatus | None, told: sync_service_pb2.Connection | None, state: str
) -> None:
    shown = connection_of("bricklink", stored, told)

    assert shown.state == state
    by_sync = state not in ("not_connected", "connecting", "unavailable")
    assert (shown.sync is not None) is by_sync
    assert (shown.message is None) is by_sync


def test_a_revoked_connection_is_not_connected_since_anything() -> None:
    shown = connection_of("bricklink", credential(configured=False), None)

    assert (shown.configured, shown.connected_at, shown.updated_at) == (False, None, NOON)


def test_a_difference_has_both_numbers() -> None:
    told = sync_service_pb2.Difference(lot_id="lot-1", listing_id="123", ours=5, theirs=7)

    assert difference_of(told).model_dump() == {"lot_id": "lot-1", "listing_id": "123", "ours": 5, "theirs": 7}
