"""Between the protos and our own values."""

from datetime import UTC
from typing import Final

from brickops.credentials.v1 import (
    bricklink_keys_pb2,
    brickowl_keys_pb2,
    credential_audit_pb2,
    credentials_admin_service_pb2,
    credentials_service_pb2,
)
from credentials.domain.credential import Credential, Shop
from credentials.domain.errors import FieldProblem, FieldsRefused
from credentials.domain.keys import BrickLinkKeys, BrickOwlKeys, Keys, KeysChange
from credentials.domain.lease import Lease, LeaseRecord
from credentials.domain.lifecycle import LifecycleKind, LifecycleRow
from credentials.domain.validation import Validation
from credentials.queries import Status


def keys_in(request: credentials_admin_service_pb2.PutCredentialRequest) -> Keys:
    """The keys of a put, unchecked; raises FieldsRefused if there are none."""
    match request.WhichOneof("keys"):
        case "bricklink":
            return BrickLinkKeys(**{name: getattr(request.bricklink, name) for name in BrickLinkKeys.names()})
        case "brickowl":
            return BrickOwlKeys(key=request.brickowl.key)
        case None:
            raise FieldsRefused([FieldProblem("keys", "is required")])


def change_in(request: credentials_admin_service_pb2.RotateCredentialRequest) -> KeysChange:
    """The new values of a rotation, unchecked; raises FieldsRefused if there are none."""
    marketplace = request.WhichOneof("keys")
    if marketplace is None:
        raise FieldsRefused([FieldProblem("keys", "is required")])
    given = request.bricklink if marketplace == "bricklink" else request.brickowl
    return KeysChange(marketplace=marketplace, values={field.name: value for field, value in given.ListFields()})


def shop_in(request: credentials_admin_service_pb2.PutCredentialRequest) -> Shop:
    """What a put says of the shop, in normal form, unchecked."""
    return Shop.of(name=request.shop_name, currency_code=request.currency_code, is_empty=request.shop_is_empty)


def status_out(credential: Credential) -> credentials_admin_service_pb2.CredentialStatus:
    """What may be told; a revoked credential is not connected, so it has no `connected_at`."""
    status = credentials_admin_service_pb2.CredentialStatus(
        marketplace=credential.marketplace,
        configured=credential.enabled,
        key_version=credential.key_version,
        updated_by=credential.updated_by,
        shop_is_empty=credential.shop.is_empty,
        shop_name=credential.shop.name,
        currency_code=credential.shop.currency_code,
    )
    if credential.enabled:
        status.connected_at.FromDatetime(credential.connected_at)
    status.updated_at.FromDatetime(credential.updated_at)
    return status


def full_status_out(status: Status) -> credentials_admin_service_pb2.CredentialStatus:
    """All that is known."""
    told = status_out(status.credential)
    if status.lease_expires_at is not None:
        told.lease_expires_at.FromDatetime(status.lease_expires_at)
    if status.validation is not None:
        told.validated_at.FromDatetime(status.validation.validated_at)
        told.validation = status.validation.result
    return told


def validation_in(request: credentials_admin_service_pb2.RecordValidationRequest, seller_id: str) -> Validation:
    """What a test came to, unchecked; raises FieldsRefused if its time is none."""
    try:
        validated_at = request.validated_at.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise FieldsRefused([FieldProblem("validated_at", "is no time")]) from None
    return Validation(
        seller_id=seller_id,
        marketplace=request.marketplace,
        key_version=request.key_version,
        validated_at=validated_at,
        result=request.result,
    )


def lease_out(lease: Lease) -> credentials_service_pb2.LeaseCredentialResponse:
    """The loan."""
    response = credentials_service_pb2.LeaseCredentialResponse(key_version=lease.key_version)
    match lease.keys:
        case BrickLinkKeys() as keys:
            values = {name: getattr(keys, name) for name in keys.names()}
            response.bricklink.CopyFrom(bricklink_keys_pb2.BrickLinkKeys(**values))
        case BrickOwlKeys() as keys:
            response.brickowl.CopyFrom(brickowl_keys_pb2.BrickOwlKeys(key=keys.key))
    response.expires_at.FromDatetime(lease.expires_at)
    return response


def event_out(row: LifecycleRow) -> credential_audit_pb2.CredentialEvent:
    """What happened to keys."""
    told = credential_audit_pb2.CredentialEvent(
        marketplace=row.event.marketplace,
        kind=_KINDS[row.event.kind],
        key_version=row.event.key_version,
        actor=row.event.actor,
        certificate=row.origin.certificate,
        correlation_id=row.origin.correlation_id,
        position=row.place.length if row.place else 0,
    )
    told.at.FromDatetime(row.event.at)
    return told


_KINDS: Final = {
    LifecycleKind.PUT: credential_audit_pb2.CREDENTIAL_EVENT_KIND_PUT,
    LifecycleKind.ROTATE: credential_audit_pb2.CREDENTIAL_EVENT_KIND_ROTATE,
    LifecycleKind.RESEAL: credential_audit_pb2.CREDENTIAL_EVENT_KIND_RESEAL,
    LifecycleKind.REVOKE: credential_audit_pb2.CREDENTIAL_EVENT_KIND_REVOKE,
}


def lease_record_out(record: LeaseRecord) -> credential_audit_pb2.LeaseRecord:
    """Who asked for keys, and what came of it."""
    told = credential_audit_pb2.LeaseRecord(
        caller=record.caller,
        marketplace=record.marketplace,
        granted=record.refusal is None,
        refusal=record.refusal or "",
        key_version=record.key_version or 0,
        certificate=record.origin.certificate,
        correlation_id=record.origin.correlation_id,
    )
    told.at.FromDatetime(record.at)
    if record.expires_at is not None:
        told.expires_at.FromDatetime(record.expires_at)
    return told
