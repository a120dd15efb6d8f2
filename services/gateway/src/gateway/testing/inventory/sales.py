"""Returns and oversells in memory."""

# ruff: noqa: N802 - gRPC names methods so

from brickops.inventory.v1 import (
    change_pb2,
    return_pb2,
)
from brickops.inventory.v1 import inventory_service_pb2 as inventory_pb
from gateway.testing.answering import (
    Changed,
    Context,
    NotFound,
    page_of,
)
from gateway.testing.inventory.kept import START, Kept
from servicekit.callers import current_caller, require_role


class Sales(Kept):
    """Calls about what the shops sold."""

    async def ListReturns(
        self, request: inventory_pb.ListReturnsRequest, context: Context
    ) -> inventory_pb.ListReturnsResponse:
        """Lists returns."""
        async with self.faults.around(context):
            seller = current_caller().require_seller()
            if request.lot_id:
                self._lot(request.lot_id)
            found = [
                one
                for owner, one in self.returns
                if owner == seller
                and request.lot_id in ("", one.lot_id)
                and (request.include_closed or not one.HasField("closed_at"))
            ]
            page, token = page_of(found, request.page_size, request.page_token)
            return inventory_pb.ListReturnsResponse(returns=page, next_page_token=token)

    async def AnswerReturn(
        self, request: inventory_pb.AnswerReturnRequest, context: Context
    ) -> inventory_pb.AnswerReturnResponse:
        """Closes a return."""
        require_role("owner", "editor")
        async with self.faults.around(context):
            return self._answers.once(request, request.request_id, lambda: self._answer_return(request))

    def _answer_return(self, request: inventory_pb.AnswerReturnRequest) -> inventory_pb.AnswerReturnResponse:
        seller = current_caller().require_seller()
        for owner, one in self.returns:
            if (owner, one.return_id) == (seller, request.return_id):
                if one.HasField("closed_at") or one.pieces != request.pieces:
                    raise Changed("The return is not as it was seen.")
                lot, change_id = self._lot(one.lot_id), ""
                if request.answer == return_pb2.RETURN_ANSWER_PUT_BACK:
                    lot.quantity += one.pieces
                    change_id = self._keep(lot, change_pb2.CHANGE_TYPE_RETURNED, request.reason, one.pieces)
                one.closed_at.FromDatetime(START)
                one.answer = request.answer
                return inventory_pb.AnswerReturnResponse(answered=one, lot=lot, change_id=change_id)
        raise NotFound("There is no such return.")

    async def ListOversells(
        self, request: inventory_pb.ListOversellsRequest, context: Context
    ) -> inventory_pb.ListOversellsResponse:
        """Lists oversells."""
        async with self.faults.around(context):
            seller = current_caller().require_seller()
            if request.lot_id:
                self._lot(request.lot_id)
            found = [one for owner, one in self.oversells if owner == seller and request.lot_id in ("", one.lot_id)]
            page, token = page_of(found, request.page_size, request.page_token)
            return inventory_pb.ListOversellsResponse(oversells=page, next_page_token=token)
