"""Shop keys on loan from the credentials service: in memory while the lease lasts, never written anywhere."""

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import grpc

from brickops.credentials.v1.credentials_service_pb2 import LeaseCredentialRequest, LeaseCredentialResponse
from brickops.credentials.v1.credentials_service_pb2_grpc import CredentialsServiceStub
from servicekit.clock import Clock
from servicekit.logs import learn_secret
from sync_bricklink.auth import ShopKeys
from syncengine.listing import SellerId
from syncengine.marketplace import Halted, Later, ReadFailedError

_MARGIN = timedelta(minutes=3)
"""A lease counts as over this early: whoever opens a shop goes on calling it for a while."""
_TIMEOUT = 10.0
"""Seconds for one lease."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loan:
    key_version: int
    usable_until: datetime
    keys: ShopKeys = field(repr=False)


class LeasedKeys:
    """The keys of every seller who has a shop here, leased on first use."""

    def __init__(self, credentials: grpc.aio.Channel, clock: Clock) -> None:
        self._credentials = CredentialsServiceStub(credentials)
        self._clock = clock
        self._loans: dict[SellerId, _Loan] = {}

    async def get(self, seller_id: SellerId, key_version: int) -> ShopKeys:
        """Get exactly this set of keys, leasing it if need be.

        Another set may open another shop (rule W1), so it is not given out: the event that tells of it is on its way.
        Raises `ReadFailedError`: `Halted` if the seller has no keys, `Later` if there are none to be had now.
        """
        loan = self._loans.get(seller_id)
        if loan is None or loan.key_version != key_version or loan.usable_until <= self._clock.now():
            loan = await self._lease(seller_id)
        if loan.key_version != key_version:
            raise ReadFailedError(Later(reason="KEYS_UNAVAILABLE"))
        return loan.keys

    async def _lease(self, seller_id: SellerId) -> _Loan:
        failure: Halted | Later | None = None
        request = LeaseCredentialRequest(seller_id=seller_id, marketplace="bricklink")
        try:
            response = await self._credentials.LeaseCredential(request, timeout=_TIMEOUT)
        except grpc.aio.AioRpcError as error:
            _log.warning("no keys were lent", extra={"code": error.code().name})
            missing = error.code() is grpc.StatusCode.NOT_FOUND
            failure = Halted(reason="NO_KEYS") if missing else Later(reason="KEYS_UNAVAILABLE")
        now = self._clock.now()
        self._loans = {owner: loan for owner, loan in self._loans.items() if loan.usable_until > now}
        if failure is not None:
            self._loans.pop(seller_id, None)
            raise ReadFailedError(failure)
        loan = _loan_of(response)
        self._loans[seller_id] = loan
        return loan


def _loan_of(response: LeaseCredentialResponse) -> _Loan:
    lent = response.bricklink
    for value in (lent.consumer_key, lent.consumer_secret, lent.token, lent.token_secret):
        learn_secret(value)
    return _Loan(
        key_version=response.key_version,
        usable_until=response.expires_at.ToDatetime(tzinfo=UTC) - _MARGIN,
        keys=ShopKeys(
            consumer_key=lent.consumer_key,
            consumer_secret=lent.consumer_secret,
            token=lent.token,
            token_secret=lent.token_secret,
        ),
    )
