"""/v1/returns."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from brickops.inventory.v1 import inventory_service_pb2 as inventory
from brickops.inventory.v1 import return_pb2
from gateway.commands import RequestId
from gateway.guard import BEARER, GuardedRoute
from gateway.pages import Page, PageQuery
from gateway.problems import problems
from gateway.returns.models import AnsweredReturn, Return, ReturnAnswered
from gateway.returns.translate import answered_return, return_of
from gateway.upstreams import COMMAND_SECONDS, FromBehind
from gateway.words import value_of

router = APIRouter(prefix="/v1/returns", tags=["returns"], route_class=GuardedRoute, dependencies=[BEARER])


class ReturnsQuery(PageQuery):
    """Which returns."""

    lot_id: str = Field(default="", max_length=100, description="Only those of this lot.")
    include_closed: bool = Field(default=False, description="Whether closed returns are listed too.")


@router.get("", summary="List returns", responses=problems(404))
async def list_returns(query: Annotated[ReturnsQuery, Query()], behind: FromBehind) -> Page[Return]:
    """Lists returns, newest first: pieces that left an order and of which nobody has said where they are.

    No shop puts pieces back by itself when an order is cancelled. Once they are back in the shop, or it is said where
    they are, the return closes.
    """
    asked = inventory.ListReturnsRequest(
        lot_id=query.lot_id,
        include_closed=query.include_closed,
        page_size=query.limit,
        page_token=query.cursor,
    )
    answer = await behind.ask(behind.inventory.ListReturns, asked)
    return Page(items=[return_of(one) for one in answer.returns], next_cursor=answer.next_page_token or None)


@router.post("/{return_id}/answer", summary="Say where returned pieces are", responses=problems(404, 409))
async def answer_return(
    return_id: Annotated[str, Path(description="The return.")],
    answered: ReturnAnswered,
    request_id: RequestId,
    behind: FromBehind,
) -> AnsweredReturn:
    """Closes a return: its pieces go back into the stock, as a difference and once, or they are not coming back."""
    asked = inventory.AnswerReturnRequest(
        request_id=request_id,
        return_id=return_id,
        answer=value_of(return_pb2.ReturnAnswer, answered.answer),
        pieces=answered.pieces,
        reason=answered.reason,
    )
    answer = await behind.ask(behind.inventory.AnswerReturn, asked, seconds=COMMAND_SECONDS)
    return answered_return(answer)
