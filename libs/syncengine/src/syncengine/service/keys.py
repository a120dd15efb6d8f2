"""Shop keys on loan from the credentials service: in memory while the lease lasts, never written anywhere."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

import grpc

from brickops.credentials.v1.credentials_service_pb2 import LeaseCredentialRequest, LeaseCredentialResponse
from brickops.credentials.v1.credentials_service_pb2_grpc import CredentialsServiceStub
from servicekit.clock import Clock
from syncengine.listing import SellerId
from syncengine.marketplace import Halted, Later, Marketplace, ReadFailedError

K = TypeVar("K")

_MARGIN = timedelta(minutes=3)
"""A lease counts as over this early: whoever opens a shop goes on calling it for a while."""
_TIMEOUT = 10.0
"""Seconds for one lease."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loan(Generic[K]):
    key_version: int
    usable_until: datetime
    keys: K = field(repr=False)


class LeasedKeys(Generic[K]):
    """The keys of every seller who has a shop at one marketplace, leased on first use."""

    def __init__(
        self,
        credentials: grpc.aio.Channel,
        clock: Clock,
        marketplace: str,
        keys_of: Callable[[LeaseCredentialResponse], K],
    ) -> None:
        """`keys_of` takes the marketplace's keys out of a lease, and makes them known to the log redactor."""
        self._credentials = CredentialsServiceStub(credentials)
        self._clock = clock
        self._marketplace = marketplace
        self._keys_of = keys_of
        self._loans: dict[SellerId, _Loan[K]] = {}
        self._ended: dict[SellerId, int] = {}
        """The version up to which a seller's keys have ended, whatever their lease says; of a lease under way too."""
        self._let_go = 0
        """How often all keys were let go of."""

    async def get(self, seller_id: SellerId, key_version: int) -> K:
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

    def end(self, seller_id: SellerId, version: int) -> None:
        """Let go of a seller's keys up to this version: they were revoked, or others stored."""
        self._ended[seller_id] = version
        loan = self._loans.get(seller_id)
        if loan is not None and loan.key_version <= version:
            del self._loans[seller_id]

    def end_all(self) -> None:
        """Let go of all keys, also of those on their way; the ones that are still good are leased again when needed."""
        self._loans.clear()
        self._let_go += 1

    async def _lease(self, seller_id: SellerId) -> _Loan[K]:
        failure: Halted | Later | None = None
        request = LeaseCredentialRequest(seller_id=seller_id, marketplace=self._marketplace)
        let_go = -1
        while failure is None and let_go != self._let_go:  # again if these may have ended while they were on their way
            let_go = self._let_go
            try:
                response = await self._credentials.LeaseCredential(request, timeout=_TIMEOUT)
            except grpc.aio.AioRpcError as error:
                _log.warning("no keys were lent", extra={"code": error.code().name})
                missing = error.code() is grpc.StatusCode.NOT_FOUND
                failure = Halted(reason="NO_KEYS") if missing else Later(reason="KEYS_UNAVAILABLE")
        now = self._clock.now()
        self._loans = {owner: loan for owner, loan in self._loans.items() if loan.usable_until > now}
        if failure is None and response.key_version <= self._ended.get(seller_id, 0):
            failure = Later(reason="KEYS_UNAVAILABLE")  # they ended while they were on their way
        if failure is not None:
            self._loans.pop(seller_id, None)
            raise ReadFailedError(failure)
        loan = _Loan(
            key_version=response.key_version,
            usable_until=response.expires_at.ToDatetime(tzinfo=UTC) - _MARGIN,
            keys=self._keys_of(response),
        )
        self._loans[seller_id] = loan
        return loan


class LeasedShops(Generic[K]):
    """Opens a seller's shop with the keys that the seller's connection names: the worker's `Shops`."""

    def __init__(self, keys: LeasedKeys[K], shop_of: Callable[[K], Marketplace]) -> None:
        self._keys = keys
        self._shop_of = shop_of

    async def open(self, seller_id: SellerId, key_version: int) -> Marketplace:
        """Open the shop; makes no call to it.

        Ask anew for each turn, since keys are lent for minutes. Raises `ReadFailedError`, with `Halted` or `Later`, if
        there are no keys.
        """
        return self._shop_of(await self._keys.get(seller_id, key_version))
