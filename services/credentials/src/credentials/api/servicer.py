"""The two faces: who may call, and what is then asked of commands and queries."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from grpc import aio

from brickops.credentials.v1 import (
    credentials_admin_service_pb2,
    credentials_admin_service_pb2_grpc,
    credentials_service_pb2,
    credentials_service_pb2_grpc,
)
from credentials.api import pages, translate
from credentials.commands import (
    PutCredential,
    RevokeCredential,
    RotateCredential,
    put_credential,
    record_validation,
    revoke_credential,
    rotate_credential,
)
from credentials.domain.errors import FieldsRefused
from credentials.leasing import LeaseCredential, lease_credential
from credentials.queries import get_status, list_events, list_leases
from credentials.storage.lease_log import LeasePlace
from credentials.vault import Vault
from servicekit.callers import Caller, CallerNotAllowed, current_caller, require_role
from servicekit.grpc_errors import InvalidField, InvalidFields

_LONGEST_ROW_ID = 18
"""Digits: what surely fits a BIGINT."""


class AdminServicer(credentials_admin_service_pb2_grpc.CredentialsAdminServiceServicer):
    """Keys go in here. The gateway calls, for a seller and a user named in metadata."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def PutCredential(  # noqa: N802  (gRPC's name)
        self,
        request: credentials_admin_service_pb2.PutCredentialRequest,
        context: aio.ServicerContext[Any, Any],
    ) -> credentials_admin_service_pb2.PutCredentialResponse:
        """Stores keys."""
        caller = require_role("owner")
        with _field_problems():
            command = PutCredential(
                seller_id=caller.require_seller(),
                actor=_actor_of(caller),
                certificate=caller.certificate,
                request_id=request.request_id,
                keys=translate.keys_in(request),
                shop=translate.shop_in(request),
            )
            credential = await put_credential(command, self._vault)
        return credentials_admin_service_pb2.PutCredentialResponse(status=translate.status_out(credential))

    async def RotateCredential(  # noqa: N802
        self,
        request: credentials_admin_service_pb2.RotateCredentialRequest,
        context: aio.ServicerContext[Any, Any],
    ) -> credentials_admin_service_pb2.RotateCredentialResponse:
        """Replaces some values."""
        caller = require_role("owner")
        with _field_problems():
            command = RotateCredential(
                seller_id=caller.require_seller(),
                actor=_actor_of(caller),
                certificate=caller.certificate,
                request_id=request.request_id,
                change=translate.change_in(request),
            )
            credential = await rotate_credential(command, self._vault)
        return credentials_admin_service_pb2.RotateCredentialResponse(status=translate.status_out(credential))

    async def RevokeCredential(  # noqa: N802
        self,
        request: credentials_admin_service_pb2.RevokeCredentialRequest,
        context: aio.ServicerContext[Any, Any],
    ) -> credentials_admin_service_pb2.RevokeCredentialResponse:
        """Destroys keys."""
        caller = require_role("owner")
        command = RevokeCredential(
            seller_id=caller.require_seller(),
            actor=_actor_of(caller),
            certificate=caller.certificate,
            request_id=request.request_id,
            marketplace=request.marketplace,
        )
        with _field_problems():
            credential = await revoke_credential(command, self._vault)
        return credentials_admin_service_pb2.RevokeCredentialResponse(status=translate.status_out(credential))

    async def GetCredentialStatus(  # noqa: N802
        self,
        request: credentials_admin_service_pb2.GetCredentialStatusRequest,
        context: aio.ServicerContext[Any, Any],
    ) -> credentials_admin_service_pb2.GetCredentialStatusResponse:
        """Says what is known without the keys."""
        caller = require_role("owner", "editor", "viewer")
        with _field_problems():
            status = await get_status(caller.require_seller(), request.marketplace, self._vault)
        return credentials_admin_service_pb2.GetCredentialStatusResponse(status=translate.full_status_out(status))

    async def RecordValidation(  # noqa: N802
        self,
        request: credentials_admin_service_pb2.RecordValidationRequest,
        context: aio.ServicerContext[Any, Any],
    ) -> credentials_admin_service_pb2.RecordValidationResponse:
        """Keeps what a test came to."""
        caller = require_role("owner")
        with _field_problems():
            await record_validation(translate.validation_in(request, caller.require_seller()), self._vault)
        return credentials_admin_service_pb2.RecordValidationResponse()

    async def ListCredentialEvents(  # noqa: N802
        self,
        request: credentials_admin_service_pb2.ListCredentialEventsRequest,
        context: aio.ServicerContext[Any, Any],
    ) -> credentials_admin_service_pb2.ListCredentialEventsResponse:
        """Says what happened to the keys."""
        caller = require_role("owner")
        size, before = pages.size_of(request.page_size), pages.place_of(request.page_token, _row_id)
        with _field_problems():
            found = await list_events(
                caller.require_seller(), request.marketplace, self._vault, before=before, limit=size + 1
            )
        shown, token = pages.cut(found, size, lambda row: str(row.lifecycle_id))
        return credentials_admin_service_pb2.ListCredentialEventsResponse(
            events=[translate.event_out(row) for row in shown], next_page_token=token
        )

    async def ListLeases(  # noqa: N802
        self,
        request: credentials_admin_service_pb2.ListLeasesRequest,
        context: aio.ServicerContext[Any, Any],
    ) -> credentials_admin_service_pb2.ListLeasesResponse:
        """Says who asked for the keys."""
        caller = require_role("owner")
        size, before = pages.size_of(request.page_size), pages.place_of(request.page_token, LeasePlace.read)
        with _field_problems():
            found = await list_leases(
                caller.require_seller(), request.marketplace, self._vault, before=before, limit=size + 1
            )
        shown, token = pages.cut(found, size, lambda row: row[0].written())
        return credentials_admin_service_pb2.ListLeasesResponse(
            leases=[translate.lease_record_out(record) for _, record in shown], next_page_token=token
        )


class LeaseServicer(credentials_service_pb2_grpc.CredentialsServiceServicer):
    """Keys come out here. Every service of the house gets this far, so that refusals are in the lease log."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def LeaseCredential(  # noqa: N802
        self,
        request: credentials_service_pb2.LeaseCredentialRequest,
        context: aio.ServicerContext[Any, Any],
    ) -> credentials_service_pb2.LeaseCredentialResponse:
        """Lends keys."""
        caller = current_caller()
        command = LeaseCredential(
            caller=caller.service,
            certificate=caller.certificate,
            seller_id=request.seller_id,
            marketplace=request.marketplace,
        )
        return translate.lease_out(await lease_credential(command, self._vault))


@contextmanager
def _field_problems() -> Iterator[None]:
    try:
        yield
    except FieldsRefused as refused:
        raise InvalidFields([InvalidField(problem.field, problem.rule) for problem in refused.problems]) from None


def _row_id(text: str) -> int:
    """Reads the id of a row. Raises ValueError."""
    if not text.isdecimal() or len(text) > _LONGEST_ROW_ID:
        raise ValueError
    return int(text)


def _actor_of(caller: Caller) -> str:
    if not caller.actor:
        raise CallerNotAllowed("This call must say for which user it is.")
    return caller.actor
