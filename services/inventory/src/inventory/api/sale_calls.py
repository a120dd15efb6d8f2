"""Calls about what the shops sold: returns, and sales that found too few pieces."""

# ruff: noqa: N802 - gRPC names methods so

from brickops.inventory.v1 import inventory_service_pb2 as pb
from brickops.inventory.v1 import return_pb2
from inventory import returns
from inventory.api.desk import Context, Desk, asked_word, reading_seller
from inventory.api.pages import cut, page_of
from inventory.api.translate import (
    lot_to_proto,
    oversell_to_proto,
    return_to_proto,
)
from inventory.commands import By
from inventory.domain.sales import ReturnAnswer
from inventory.storage.lots import find_lot
from inventory.storage.sales import page_of_oversells, page_of_returns
from inventory.storage.unit_of_work import UnitOfWork


class SaleCalls(Desk):
    """What is asked of returns and oversells."""

    async def ListReturns(self, request: pb.ListReturnsRequest, context: Context) -> pb.ListReturnsResponse:
        """Lists returns, newest first."""
        seller_id = reading_seller()
        page = page_of(request.page_size, request.page_token)
        async with self._engine.connect() as conn:
            if request.lot_id:
                await find_lot(conn, seller_id, request.lot_id)
            found = await page_of_returns(
                conn,
                seller_id,
                lot_id=request.lot_id or None,
                include_closed=request.include_closed,
                before=page.last,
                limit=page.limit,
            )
        shown, token = cut(found, page, lambda one: one.return_id)
        return pb.ListReturnsResponse(returns=[return_to_proto(one) for one in shown], next_page_token=token)

    async def AnswerReturn(self, request: pb.AnswerReturnRequest, context: Context) -> pb.AnswerReturnResponse:
        """Says where the pieces of a return are."""
        command = returns.AnswerReturn(
            return_id=request.return_id,
            answer=asked_word("answer", ReturnAnswer, return_pb2.ReturnAnswer, request.answer),
            pieces=request.pieces,
        )

        async def run(by: By, work: UnitOfWork) -> pb.AnswerReturnResponse:
            closed, done = await returns.answer_return(command, by, work)
            lot = lot_to_proto(done.lot)
            return pb.AnswerReturnResponse(answered=return_to_proto(closed), lot=lot, change_id=done.change_id)

        return await self._once(request, self._by(request.reason), pb.AnswerReturnResponse, run)

    async def ListOversells(self, request: pb.ListOversellsRequest, context: Context) -> pb.ListOversellsResponse:
        """Lists sales that found too few pieces, newest first."""
        seller_id = reading_seller()
        page = page_of(request.page_size, request.page_token)
        async with self._engine.connect() as conn:
            if request.lot_id:
                await find_lot(conn, seller_id, request.lot_id)
            found = await page_of_oversells(
                conn, seller_id, lot_id=request.lot_id or None, before=page.last, limit=page.limit
            )
        incidents, token = cut(found, page, lambda one: one.oversell.change_id)
        return pb.ListOversellsResponse(oversells=[oversell_to_proto(one) for one in incidents], next_page_token=token)
