"""POST /v1/connections/{marketplace}/import: the shop's own listings as an import (rule S7).

Nothing is written before inventory is told of all of them at once. If the gateway dies before that, nothing has
happened; if it dies afterwards, the same request is answered with the same preview, and without it the preview expires.
"""

from http import HTTPStatus

from fastapi import APIRouter, Response

from brickops.inventory.v1 import import_pb2
from brickops.inventory.v1 import inventory_service_pb2 as inventory
from brickops.sync.v1 import sync_service_pb2 as sync
from brickops.sync.v1.waiting_pb2 import UnownedListing
from gateway.commands import RequestId
from gateway.connections.routes import Marketplace
from gateway.guard import BEARER, GuardedRoute
from gateway.imports.models import Import
from gateway.imports.translate import import_of
from gateway.problems import Problem, problems
from gateway.upstreams import IMPORT_SECONDS, Behind, FromBehind

router = APIRouter(
    prefix="/v1/connections/{marketplace}", tags=["imports"], route_class=GuardedRoute, dependencies=[BEARER]
)

_PAGE = 500


@router.post(
    "/import", status_code=HTTPStatus.ACCEPTED, summary="Import what the shop lists", responses=problems(404, 409)
)
async def import_shop(
    marketplace: Marketplace, request_id: RequestId, behind: FromBehind, response: Response
) -> Import:
    """Takes the shop's listings that no lot owns, as they were when it was last read, as a preview: see
    `/v1/imports/{import_id}/rows`. Nothing happens before you confirm it: then each new row becomes a lot that the
    listing stands for, and each matched, different or chosen lot gets its listing. Where the two differ you say whose
    value is taken: ours is set in this shop, theirs in the lot and so in your other shop. Nothing is sent to any shop
    that is not different. To undo such an import puts its lots away, which removes their listings from the shop.
    """
    asked = await _listed(behind, marketplace)
    asked.request_id = request_id
    answer = await behind.ask(behind.inventory.CreateShopImport, asked, seconds=IMPORT_SECONDS)
    response.headers["Location"] = f"/v1/imports/{answer.operation.import_id}"
    return import_of(answer.operation)


async def _listed(behind: Behind, marketplace: str) -> inventory.CreateShopImportRequest:
    """Every listing that no lot owns, page after page. Raises Problem."""
    shop = behind.sync(marketplace)
    connection = (await behind.ask(shop.GetConnection, sync.GetConnectionRequest())).connection
    if connection.HasField("progress"):
        detail = "The shop is still being read; ask again when its `sync.progress` is null."
        raise Problem(HTTPStatus.CONFLICT, "SHOP_NOT_MATCHED", detail)
    asked = inventory.CreateShopImportRequest(marketplace=marketplace)
    page = sync.ListUnownedListingsResponse(next_page_token="")
    while True:
        wanted = sync.ListUnownedListingsRequest(page_size=_PAGE, page_token=page.next_page_token)
        page = await behind.ask(shop.ListUnownedListings, wanted)
        asked.listings.extend(map(_listing, page.listings))
        asked.currency_code = page.currency_code
        if not page.next_page_token:
            return asked


def _listing(told: UnownedListing) -> import_pb2.ShopListing:
    read_at = told.read_at if told.HasField("read_at") else None
    return import_pb2.ShopListing(
        listing_id=told.listing_id,
        lot=told.lot,
        read_at=read_at,
        unmapped_field=told.unmapped_field,
        shown_fields=told.shown_fields,
        price_places=told.price_places,
        external_id=told.external_id,
    )
