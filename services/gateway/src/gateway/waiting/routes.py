"""What waits for a person in one shop: /v1/connections/{marketplace}/waiting and beside it."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from brickops.sync.v1 import sync_service_pb2 as sync
from brickops.sync.v1 import waiting_pb2
from gateway.commands import ExpectedRevision, RequestId
from gateway.connections.routes import Marketplace
from gateway.guard import BEARER, GuardedRoute
from gateway.pages import Page, PageAsked, PageQuery
from gateway.problems import problems
from gateway.upstreams import COMMAND_SECONDS, FromBehind
from gateway.waiting import answers
from gateway.waiting.models import (
    AlarmAnswered,
    ConflictAnswered,
    ItemMapped,
    LinesAssigned,
    ShopAnswered,
    TroubleAnswered,
    UnassignedLine,
    UnmappedItem,
    UnownedListing,
    WaitingLot,
    WhatFollows,
)
from gateway.waiting.translate import line_of, mapping_of, unmapped_of, unowned_of, waiting_of
from gateway.words import value_of

router = APIRouter(
    prefix="/v1/connections/{marketplace}", tags=["waiting"], route_class=GuardedRoute, dependencies=[BEARER]
)

LotId = Annotated[str, Path(description="The lot.")]


class WaitingQuery(PageQuery):
    """Which lots."""

    reason: str = Field(
        default="",
        max_length=100,
        description="Only those that wait for this: a word of the connection's `reasons`.",
    )


@router.get("/waiting", summary="List what waits for a person", responses=problems(404))
async def list_waiting(
    marketplace: Marketplace, query: Annotated[WaitingQuery, Query()], behind: FromBehind
) -> Page[WaitingLot]:
    """Lists the lots of which the shop refused something, of which somebody changed something in the shop itself, or
    that only a person can decide about; each with the reason in words, and what may be answered.
    """
    asked = sync.ListWaitingRequest(page_size=query.limit, page_token=query.cursor, reason=query.reason)
    answer = await behind.ask(behind.sync(marketplace).ListWaiting, asked)
    return Page(items=[waiting_of(lot) for lot in answer.lots], next_cursor=answer.next_page_token or None)


@router.get("/waiting/{lot_id}", summary="Read why a lot waits", responses=problems(404))
async def get_waiting(marketplace: Marketplace, lot_id: LotId, behind: FromBehind) -> WaitingLot:
    """Reads why a lot waits for a person; 404 if it does not."""
    answer = await behind.ask(behind.sync(marketplace).GetWaiting, sync.GetWaitingRequest(lot_id=lot_id))
    return waiting_of(answer.lot)


@router.post(
    "/waiting/{lot_id}/conflicts/{field}",
    summary="Settle a field that was changed in the shop",
    responses=problems(404, 409, 412, 428),
)
async def answer_conflict(
    marketplace: Marketplace,
    lot_id: LotId,
    field: Annotated[str, Path(description="The conflict's field.", examples=["unit_price"])],
    answered: ConflictAnswered,
    request_id: RequestId,
    revision: ExpectedRevision,
    behind: FromBehind,
) -> WhatFollows:
    """Says whose value counts: ours is sent again, theirs or a third becomes the lot's. The latter two need If-Match
    with the lot's revision.
    """
    message = await answers.answer_conflict(
        behind, marketplace, lot_id, field, answered, request_id=request_id, revision=revision
    )
    return WhatFollows(message=message)


@router.post("/waiting/{lot_id}/trouble", summary="Settle a lot in trouble", responses=problems(404, 409))
async def answer_trouble(
    marketplace: Marketplace, lot_id: LotId, answered: TroubleAnswered, request_id: RequestId, behind: FromBehind
) -> WhatFollows:
    """Says what is so. The answer moves our books; the shop is looked at again before anything is sent for it."""
    message = await answers.answer_trouble(behind, marketplace, lot_id, answered, request_id=request_id)
    return WhatFollows(message=message)


@router.post("/alarm", summary="Say whether a list is right", responses=problems(404, 409))
async def answer_alarm(
    marketplace: Marketplace, answered: AlarmAnswered, request_id: RequestId, behind: FromBehind
) -> WhatFollows:
    """Has the shop read again; what you vouch for is believed if the next list lacks no more than you saw."""
    asked = sync.AnswerAlarmRequest(
        request_id=request_id,
        alarm=answered.alarm,
        missing=answered.missing,
        answer=value_of(waiting_pb2.AlarmAnswer, answered.answer),
    )
    answer = await behind.ask(behind.sync(marketplace).AnswerAlarm, asked, seconds=COMMAND_SECONDS)
    return WhatFollows(message=answer.message)


@router.post("/shop", summary="Say whose shop it is", responses=problems(404, 409))
async def answer_shop(
    marketplace: Marketplace, answered: ShopAnswered, request_id: RequestId, behind: FromBehind
) -> WhatFollows:
    """Has the shop asked again whose it is. A new name is taken once a listing or an order of yours is found there;
    before that, or if there is none, nothing is sent.
    """
    asked = sync.AnswerShopRequest(
        request_id=request_id,
        shown_name=answered.shown_name,
        answer=value_of(waiting_pb2.ShopAnswer, answered.answer),
    )
    answer = await behind.ask(behind.sync(marketplace).AnswerShop, asked, seconds=COMMAND_SECONDS)
    return WhatFollows(message=answer.message)


@router.get("/unassigned-lines", summary="List order lines of unknown listings", responses=problems(404))
async def list_unassigned_lines(marketplace: Marketplace, query: PageAsked, behind: FromBehind) -> Page[UnassignedLine]:
    """Lists order lines of listings that nobody knows the lot of. Until it is said whose they are, nothing of their
    item is listed or increased.
    """
    asked = sync.ListUnassignedLinesRequest(page_size=query.limit, page_token=query.cursor)
    answer = await behind.ask(behind.sync(marketplace).ListUnassignedLines, asked)
    return Page(items=[line_of(line) for line in answer.lines], next_cursor=answer.next_page_token or None)


@router.post("/unassigned-lines/{listing_id}", summary="Say whose a listing was", responses=problems(404, 409))
async def assign_lines(
    marketplace: Marketplace,
    listing_id: Annotated[str, Path(description="The listing that the lines were ordered from.")],
    assigned: LinesAssigned,
    request_id: RequestId,
    behind: FromBehind,
) -> WhatFollows:
    """Says which lot the listing stood for: its orders count if they are later than the lot's own count. Or that it
    stood for none: then its lines hold nothing back any more.
    """
    asked = sync.AssignLinesRequest(request_id=request_id, listing_id=listing_id, lot_id=assigned.lot_id or "")
    answer = await behind.ask(behind.sync(marketplace).AssignLines, asked, seconds=COMMAND_SECONDS)
    return WhatFollows(message=answer.message)


@router.get("/unowned", summary="List the shop's other listings", responses=problems(404))
async def list_unowned_listings(marketplace: Marketplace, query: PageAsked, behind: FromBehind) -> Page[UnownedListing]:
    """Lists the shop's listings that no lot owns, as it was last seen as a whole. They are never changed or removed."""
    asked = sync.ListUnownedListingsRequest(page_size=query.limit, page_token=query.cursor)
    answer = await behind.ask(behind.sync(marketplace).ListUnownedListings, asked)
    return Page(items=[unowned_of(one) for one in answer.listings], next_cursor=answer.next_page_token or None)


@router.get("/unmapped-items", summary="List items that the marketplace does not know", responses=problems(404))
async def list_unmapped_items(marketplace: Marketplace, query: PageAsked, behind: FromBehind) -> Page[UnmappedItem]:
    """Lists items that the marketplace's own catalogue does not know, or more than one of. No lot of them is listed
    there until you say what they are.
    """
    asked = sync.ListUnmappedItemsRequest(page_size=query.limit, page_token=query.cursor)
    answer = await behind.ask(behind.sync(marketplace).ListUnmappedItems, asked)
    return Page(items=[unmapped_of(item) for item in answer.items], next_cursor=answer.next_page_token or None)


@router.post("/unmapped-items", summary="Say what an item is at the marketplace", responses=problems(404, 409))
async def map_item(
    marketplace: Marketplace, mapped: ItemMapped, request_id: RequestId, behind: FromBehind
) -> WhatFollows:
    """Says what an item is in the marketplace's own catalogue; its lots are listed there then."""
    asked = mapping_of(mapped, request_id)
    answer = await behind.ask(behind.sync(marketplace).MapItem, asked, seconds=COMMAND_SECONDS)
    return WhatFollows(message=answer.message)
