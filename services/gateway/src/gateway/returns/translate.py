"""Returns from protobuf to JSON."""

from brickops.inventory.v1 import inventory_service_pb2, return_pb2
from gateway.changes.translate import order_of
from gateway.returns.models import AnsweredReturn, Return, ReturnAnswer
from gateway.times import time_in, time_of
from gateway.words import word_of


def return_of(told: return_pb2.Return) -> Return:
    """A return."""
    return Return(
        return_id=told.return_id,
        lot_id=told.lot_id,
        order=order_of(told.order),
        pieces=told.pieces,
        opened_at=time_of(told.opened_at),
        closed_at=time_in(told, "closed_at"),
        answer=word_of(ReturnAnswer, return_pb2.ReturnAnswer, told.answer),
    )


def answered_return(answer: inventory_service_pb2.AnswerReturnResponse) -> AnsweredReturn:
    """A return that was answered."""
    return AnsweredReturn(
        **return_of(answer.answered).model_dump(),
        quantity=answer.lot.quantity,
        revision=answer.lot.revision,
        change_id=answer.change_id or None,
    )
