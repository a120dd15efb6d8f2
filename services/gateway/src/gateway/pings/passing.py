"""Passes pings on to the sync services: few at once, each name at a measured rate; nobody learns what came of it."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import grpc

from brickops.sync.v1 import sync_service_pb2
from servicekit.callers import outgoing_metadata
from servicekit.logs import correlation_id

if TYPE_CHECKING:  # this name exists for type checkers only
    from brickops.sync.v1.sync_service_pb2_grpc import SyncServiceAsyncStub

logger = logging.getLogger(__name__)

_SECONDS = 5.0
_AT_ONCE = 16
"""On their way to the services."""
_NAMES_KNOWN = 10_000
_EACH, _EACH_AT_ONCE = 1.0, 10
"""Pings a second that name the same connection, and how many without a pause; the sync service has the real cap."""
_ALL, _ALL_AT_ONCE = 50.0, 200
"""The same of all pings."""


class Pace:
    """So many a second, and so many without a pause."""

    def __init__(self, a_second: float, at_once: int) -> None:
        self._apart = 1 / a_second
        self._ahead = at_once / a_second
        self._booked_until = 0.0

    def lets_pass(self, now: float) -> bool:
        """Take one place, if there is one."""
        booked_until = max(now, self._booked_until) + self._apart
        if booked_until > now + self._ahead:
            return False
        self._booked_until = booked_until
        return True


class Pings:
    """Pings on their way. Those that are too many are dropped: polls see what they would have told."""

    def __init__(self, sync: "Mapping[str, SyncServiceAsyncStub]", clock: Callable[[], float]) -> None:
        """`clock` says seconds that never go back."""
        self._sync = sync
        self._clock = clock
        self._all = Pace(_ALL, _ALL_AT_ONCE)
        self._each: OrderedDict[str, Pace] = OrderedDict()
        self._under_way = 0

    async def pass_on(self, marketplace: str, *, token: str = "", shop_number: str = "") -> None:
        """Tell the sync service; nothing is repeated, and nothing raised."""
        service = self._sync.get(marketplace)
        if service is None or self._under_way >= _AT_ONCE or not self._lets_pass(f"{marketplace} {token}{shop_number}"):
            return
        self._under_way += 1
        try:
            ping = sync_service_pb2.PingRequest(token=token, shop_number=shop_number)
            metadata = outgoing_metadata(correlation_id=correlation_id.get())
            await service.Ping(ping, metadata=metadata, timeout=_SECONDS)
        except grpc.aio.AioRpcError as error:
            logger.info("a ping was lost", extra={"marketplace": marketplace, "code": error.code().name})
        finally:
            self._under_way -= 1

    def _lets_pass(self, name: str) -> bool:
        now = self._clock()
        each = self._each.pop(name, None) or Pace(_EACH, _EACH_AT_ONCE)
        self._each[name] = each
        if len(self._each) > _NAMES_KNOWN:
            self._each.popitem(last=False)
        return each.lets_pass(now) and self._all.lets_pass(now)
