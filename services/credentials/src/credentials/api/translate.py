"""Between the protos and our own values."""

from brickops.credentials.v1 import bricklink_keys_pb2, credentials_admin_service_pb2, credentials_service_pb2
from credentials.domain.credential import Credential, Shop
from credentials.domain.errors import FieldProblem, FieldsRefused
from credentials.domain.keys import BrickLinkKeys, Keys
from credentials.domain.lease import Lease


def keys_in(request: credentials_admin_service_pb2.PutCredentialRequest) -> Keys:
    """The keys of a put, unchecked; raises FieldsRefused if there are none."""
    if request.WhichOneof("keys") is None:
        raise FieldsRefused([FieldProblem("keys", "is required")])
    given = request.bricklink
    return BrickLinkKeys(
        consumer_key=given.consumer_key,
        consumer_secret=given.consumer_secret,
        token=given.token,
        token_secret=given.token_secret,
    )


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


def lease_out(lease: Lease) -> credentials_service_pb2.LeaseCredentialResponse:
    """The loan."""
    response = credentials_service_pb2.LeaseCredentialResponse(
        key_version=lease.key_version,
        bricklink=bricklink_keys_pb2.BrickLinkKeys(
            consumer_key=lease.keys.consumer_key,
            consumer_secret=lease.keys.consumer_secret,
            token=lease.keys.token,
            token_secret=lease.keys.token_secret,
        ),
    )
    response.expires_at.FromDatetime(lease.expires_at)
    return response
