"""The gRPC face of a sync service: what the gateway may ask for a seller."""

from typing import Final

from brickops.sync.v1.sync_service_pb2_grpc import SyncServiceServicer
from syncengine.service.asking import STATUS_OF
from syncengine.service.catalog_calls import CatalogCalls
from syncengine.service.connection_calls import ConnectionCalls
from syncengine.service.default_calls import DefaultCalls
from syncengine.service.listing_calls import ListingCalls
from syncengine.service.ping_calls import PingCalls
from syncengine.service.plan_calls import PlanCalls
from syncengine.service.shop_calls import ShopCalls
from syncengine.service.trying import Trying
from syncengine.service.waiting_calls import WaitingCalls

SERVICE: Final = "brickops.sync.v1.SyncService"
"""Its full name, for a server's list of callers."""


class SyncServicer(
    ConnectionCalls,
    PingCalls,
    ShopCalls,
    Trying,
    PlanCalls,
    WaitingCalls,
    ListingCalls,
    CatalogCalls,
    DefaultCalls,
    SyncServiceServicer,
):
    """All calls."""


__all__ = ["SERVICE", "STATUS_OF", "SyncServicer"]
