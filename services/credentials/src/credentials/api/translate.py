"""Between the protos and our own values."""

from datetime import datetime

from brickops.credentials.v1 import (
    bricklink_keys_pb2,
    brickowl_keys_pb2,
    credentials_admin_service_pb2,
    credentials_service_pb2,
)
from credentials.domain.credential import Credential, Shop
from credentials.domain.errors import FieldProblem, FieldsRefused
from credentials.domain.keys import BrickLinkKeys, BrickOwlKeys, Keys, KeysChange
from credentials.domain.lease import Lease


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


def status_out(
    credential: Credential, *, lease_expires_at: datetime | None = None
) -> credentials_admin_service_pb2.CredentialStatus:
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
    if lease_expires_at is not None:
        status.lease_expires_at.FromDatetime(lease_expires_at)
    return status


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
