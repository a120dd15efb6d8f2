"""Connections between JSON and protobuf: what credentials knows and what the sync service knows, as one."""

from brickops.credentials.v1 import bricklink_keys_pb2, brickowl_keys_pb2
from brickops.credentials.v1 import credentials_admin_service_pb2 as credentials
from brickops.sync.v1 import sync_service_pb2
from gateway.connections.models import (
    Alarm,
    BatchKind,
    BrickOwlKeys,
    BrickOwlKeysChange,
    Budget,
    Connection,
    ConnectionState,
    ConnectionSync,
    ConnectionTested,
    Difference,
    FieldDefault,
    KeysChanged,
    Match,
    NewConnection,
    OtherShop,
    Progress,
    ReasonCount,
    TierBudget,
)
from gateway.times import time_in, time_of
from gateway.words import word_of


def credential_to_proto(connection: NewConnection, request_id: str) -> credentials.PutCredentialRequest:
    """The keys to be stored."""
    request = credentials.PutCredentialRequest(
        request_id=request_id,
        shop_is_empty=connection.shop_is_empty,
        shop_name=connection.shop_name,
        currency_code=connection.currency,
    )
    given = {name: secret.get_secret_value() for name, secret in connection.keys}
    if isinstance(connection.keys, BrickOwlKeys):
        request.brickowl.CopyFrom(brickowl_keys_pb2.BrickOwlKeys(**given))
    else:
        request.bricklink.CopyFrom(bricklink_keys_pb2.BrickLinkKeys(**given))
    return request


def change_to_proto(change: KeysChanged, request_id: str) -> credentials.RotateCredentialRequest:
    """The values to be replaced."""
    given = {name: secret.get_secret_value() for name, secret in change.keys if secret is not None}
    request = credentials.RotateCredentialRequest(request_id=request_id)
    if isinstance(change.keys, BrickOwlKeysChange):
        request.brickowl.CopyFrom(credentials.BrickOwlKeysChange(**given))
    else:
        request.bricklink.CopyFrom(credentials.BrickLinkKeysChange(**given))
    return request


def connection_of(
    marketplace: str, credential: credentials.CredentialStatus | None, sync: sync_service_pb2.Connection | None
) -> Connection:
    """A connection; `credential` is None if keys were never put, `sync` if its service does not answer."""
    state, reason, message = _state_of(credential, sync)
    return Connection(
        marketplace=marketplace,
        state=state,
        reason=reason,
        message=message,
        configured=credential is not None and credential.configured,
        key_version=credential.key_version if credential else 0,
        shop_name=credential.shop_name if credential else None,
        currency=credential.currency_code if credential else None,
        shop_is_empty=credential.shop_is_empty if credential else None,
        connected_at=time_in(credential, "connected_at") if credential else None,
        updated_at=time_in(credential, "updated_at") if credential else None,
        updated_by=credential.updated_by if credential else None,
        lease_expires_at=time_in(credential, "lease_expires_at") if credential else None,
        validated_at=time_in(credential, "validated_at") if credential else None,
        validation=(credential.validation or None) if credential else None,
        sync=_sync_of(sync) if sync and state in _TOLD_BY_SYNC else None,
    )


def _state_of(
    credential: credentials.CredentialStatus | None, sync: sync_service_pb2.Connection | None
) -> tuple[ConnectionState, str | None, str | None]:
    if credential is None or not credential.configured:
        return ConnectionState.NOT_CONNECTED, None, "No shop is connected. Store its keys here to connect it."
    if sync is None:
        message = "How the shop is doing cannot be told right now. Your changes are kept and sent later."
        return ConnectionState.UNAVAILABLE, "SYNC_UNAVAILABLE", message
    state = word_of(ConnectionState, sync_service_pb2.ConnectionState, sync.state)
    # What older keys came to would be taken for the verdict on the new ones.
    if state not in _TOLD_BY_SYNC or sync.key_version < credential.key_version:
        return (
            ConnectionState.CONNECTING,
            None,
            "The keys are stored. Matching your lots with the shop starts in a moment.",
        )
    return state, sync.reason or None, sync.message or None


_TOLD_BY_SYNC = frozenset(ConnectionState) - {
    ConnectionState.NOT_CONNECTED,
    ConnectionState.CONNECTING,
    ConnectionState.UNAVAILABLE,
}


def _sync_of(sync: sync_service_pb2.Connection) -> ConnectionSync:
    return ConnectionSync(
        last_census_at=time_in(sync, "last_census_at"),
        last_order_read_at=time_in(sync, "last_order_read_at"),
        last_ping_at=time_in(sync, "last_ping_at"),
        waiting_until=time_in(sync, "waiting_until"),
        paused_at=time_in(sync, "paused_at"),
        oldest_waiting_at=time_in(sync, "oldest_waiting_at"),
        reasons=[ReasonCount(reason=one.reason, message=one.message, lots=one.lots) for one in sync.reasons],
        progress=(Progress(step=sync.progress.step, lots=sync.progress.lots) if sync.HasField("progress") else None),
        alarm=_alarm_of(sync.alarm) if sync.HasField("alarm") else None,
        other_shop=_other_shop_of(sync.other_shop) if sync.HasField("other_shop") else None,
        batches=[BatchKind(kind=one.kind, used=one.used, message=one.message) for one in sync.batches],
        budget=Budget(
            calls_used=sync.calls_used,
            calls_limit=sync.calls_limit,
            tiers=[TierBudget(tier=one.tier, used=one.used, left=one.left) for one in sync.tiers],
        ),
        waiting_lots=sync.waiting_lots,
        unknown_lots=sync.unknown_lots,
        match=_match_of(sync.match) if sync.HasField("match") else None,
    )


def _alarm_of(alarm: sync_service_pb2.CensusAlarm) -> Alarm:
    return Alarm(alarm=alarm.alarm, missing=alarm.missing, message=alarm.message, read_at=time_in(alarm, "read_at"))


def _other_shop_of(other: sync_service_pb2.OtherShop) -> OtherShop:
    return OtherShop(pinned_name=other.pinned_name, shown_name=other.shown_name)


def _match_of(match: sync_service_pb2.Match) -> Match:
    return Match(
        linked=match.linked,
        to_create=match.to_create,
        ambiguous=match.ambiguous,
        unowned=match.unowned,
        different=match.different,
    )


def tested_of(told: sync_service_pb2.TestConnectionResponse) -> ConnectionTested:
    """What a test came to."""
    return ConnectionTested(
        ok=told.ok,
        reason=told.reason or None,
        message=told.message,
        shop_name=told.shop_name or None,
        currency=told.currency_code or None,
        key_version=told.key_version,
        tested_at=time_of(told.tested_at),
    )


def validation_to_proto(
    marketplace: str, told: sync_service_pb2.TestConnectionResponse
) -> credentials.RecordValidationRequest:
    """The same, for the status."""
    return credentials.RecordValidationRequest(
        marketplace=marketplace,
        key_version=told.key_version,
        validated_at=told.tested_at,
        result="OK" if told.ok else told.reason,
    )


def difference_of(difference: sync_service_pb2.Difference) -> Difference:
    """A lot whose listing shows another quantity."""
    return Difference(
        lot_id=difference.lot_id, listing_id=difference.listing_id, ours=difference.ours, theirs=difference.theirs
    )


def default_of(told: sync_service_pb2.FieldDefault) -> FieldDefault:
    """What a field is where a lot does not say it."""
    return FieldDefault(field=told.field, value=told.value, choices=list(told.choices))
