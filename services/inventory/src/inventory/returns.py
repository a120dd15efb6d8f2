"""What a person says of pieces that left an order: they are in the stock again, or they do not come back (rule S4).

The sync service is not told. It goes on telling these pieces as returned, and what was said is taken off what it tells;
should a look of its own find them in the shop's listing, they are not given back a second time.
"""

from dataclasses import dataclass, replace

from inventory.commands import By, Done
from inventory.domain.changes import ChangeSource
from inventory.domain.errors import ReturnHasChanged, ReturnIsClosed
from inventory.domain.sales import LineKey, ReturnAnswer, answered
from inventory.storage.lots import lock_lot
from inventory.storage.sales import Return, get_return, kept_lines, note_answer, save_lines
from inventory.storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerReturn:
    """Say where the pieces of a return are."""

    return_id: str
    answer: ReturnAnswer
    pieces: int
    """How many they were when the person decided."""


async def answer_return(command: AnswerReturn, by: By, work: UnitOfWork) -> tuple[Return, Done]:
    """Closes a return, with its pieces in the lot again or not.

    Raises InvalidFields, ReturnNotFound, ReturnIsClosed, ReturnHasChanged.
    """
    cause = by.cause()
    found = await get_return(work.conn, by.seller_id, command.return_id)
    lot = await lock_lot(work.conn, by.seller_id, found.lot_id)
    # Lines and returns change only with their lot locked: what is read from here on stays.
    found = await get_return(work.conn, by.seller_id, command.return_id)
    if found.closed_at is not None:
        raise ReturnIsClosed
    key = LineKey(by.seller_id, found.order.marketplace, found.order.order_id, found.order.listing_id)
    line = (await kept_lines(work.conn, [key]))[key]
    if found.lot_id != lot.lot_id or line.open_return != command.pieces:
        raise ReturnHasChanged(pieces=line.open_return)
    counted = answered(line, command.answer)
    done = Done(lot=lot, change_id="")
    if counted.came_back:
        after, difference = lot.take_back(counted.came_back, unsold=counted.unsold, now=by.at)
        cause = replace(cause, source=ChangeSource.RETURN, order=found.order)
        done = Done(lot=after, change_id=work.recorder.record(after, difference, cause).change_id)
    await save_lines(work.conn, [counted.line])
    await note_answer(work.conn, found.return_id, command.answer, by.at)
    return await get_return(work.conn, by.seller_id, command.return_id), done
