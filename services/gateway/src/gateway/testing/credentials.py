"""Credentials in memory."""

from datetime import UTC, datetime
from typing import Any

from brickops.credentials.v1 import credential_audit_pb2 as audit_pb
from brickops.credentials.v1 import credentials_admin_service_pb2 as credentials_pb
from brickops.credentials.v1 import credentials_admin_service_pb2_grpc as credentials_grpc
from gateway.testing.answering import Answers, Context, Faults, NotFound
from servicekit.callers import current_caller, require_role
from servicekit.grpc_errors import InvalidField

_START = datetime(2026, 11, 1, 12, tzinfo=UTC)


class CredentialsFake(credentials_grpc.CredentialsAdminServiceServicer):
    """Credentials in memory."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.keys: dict[str, Any] = {}
        """The keys stored, by seller."""
        self.events: list[audit_pb.CredentialEvent] = []
        self.leases: list[audit_pb.LeaseRecord] = []
        self._statuses: dict[str, credentials_pb.CredentialStatus] = {}
        self._answers = Answers()

    async def PutCredential(  # noqa: N802
        self, request: credentials_pb.PutCredentialRequest, context: Context
    ) -> credentials_pb.PutCredentialResponse:
        """Stores keys."""
        require_role("owner")
        async with self.faults.around(context):
            return self._answers.once(request, request.request_id, lambda: self._put(request))

    def _put(self, request: credentials_pb.PutCredentialRequest) -> credentials_pb.PutCredentialResponse:
        if not request.bricklink.token:
            raise InvalidField("bricklink.token", "is required")
        caller = current_caller()
        seller = caller.require_seller()
        last = self._statuses.get(seller)
        status = credentials_pb.CredentialStatus(
            marketplace="bricklink",
            configured=True,
            key_version=1 + (last.key_version if last else 0),
            updated_by=caller.actor or "",
            shop_is_empty=request.shop_is_empty,
            shop_name=request.shop_name,
            currency_code=request.currency_code,
        )
        status.connected_at.FromDatetime(_START)
        status.updated_at.FromDatetime(_START)
        self.keys[seller], self._statuses[seller] = request.bricklink, status
        return credentials_pb.PutCredentialResponse(status=status)

    async def RotateCredential(  # noqa: N802
        self, request: credentials_pb.RotateCredentialRequest, context: Context
    ) -> credentials_pb.RotateCredentialResponse:
        """Replaces values."""
        require_role("owner")
        async with self.faults.around(context):
            return self._answers.once(request, request.request_id, lambda: self._rotate(request))

    def _rotate(self, request: credentials_pb.RotateCredentialRequest) -> credentials_pb.RotateCredentialResponse:
        status = self._status()
        if not status.configured:
            raise NotFound("no bricklink keys are stored")
        changed = request.bricklink.ListFields()
        if not changed:
            raise InvalidField("bricklink", "must hold at least one value to replace")
        for field, value in changed:
            setattr(self.keys[current_caller().require_seller()], field.name, value)
        status.key_version += 1
        return credentials_pb.RotateCredentialResponse(status=status)

    async def RevokeCredential(  # noqa: N802
        self, request: credentials_pb.RevokeCredentialRequest, context: Context
    ) -> credentials_pb.RevokeCredentialResponse:
        """Destroys keys."""
        require_role("owner")
        async with self.faults.around(context):
            return self._answers.once(request, request.request_id, self._revoke)

    def _revoke(self) -> credentials_pb.RevokeCredentialResponse:
        status = self._status()
        if not status.configured:
            raise NotFound("no bricklink keys are stored")
        status.configured = False
        status.ClearField("connected_at")
        del self.keys[current_caller().require_seller()]
        return credentials_pb.RevokeCredentialResponse(status=status)

    async def GetCredentialStatus(  # noqa: N802
        self, request: credentials_pb.GetCredentialStatusRequest, context: Context
    ) -> credentials_pb.GetCredentialStatusResponse:
        """Says what is known."""
        async with self.faults.around(context):
            return credentials_pb.GetCredentialStatusResponse(status=self._status())

    async def RecordValidation(  # noqa: N802
        self, request: credentials_pb.RecordValidationRequest, context: Context
    ) -> credentials_pb.RecordValidationResponse:
        """Keeps what a test came to."""
        require_role("owner")
        async with self.faults.around(context):
            status = self._status()
            status.validated_at.CopyFrom(request.validated_at)
            status.validation = request.result
            return credentials_pb.RecordValidationResponse()

    async def ListCredentialEvents(  # noqa: N802
        self, request: credentials_pb.ListCredentialEventsRequest, context: Context
    ) -> credentials_pb.ListCredentialEventsResponse:
        """Lists what it was told to, one to a page."""
        require_role("owner")
        async with self.faults.around(context):
            place = int(request.page_token or 0)
            rest = self.events[place:]
            return credentials_pb.ListCredentialEventsResponse(
                events=rest[:1], next_page_token=str(place + 1) if rest[1:] else ""
            )

    async def ListLeases(  # noqa: N802
        self, request: credentials_pb.ListLeasesRequest, context: Context
    ) -> credentials_pb.ListLeasesResponse:
        """Lists what it was told to, on one page."""
        require_role("owner")
        async with self.faults.around(context):
            return credentials_pb.ListLeasesResponse(leases=self.leases)

    def _status(self) -> credentials_pb.CredentialStatus:
        try:
            return self._statuses[current_caller().require_seller()]
        except KeyError:
            raise NotFound("no bricklink keys are stored") from None
