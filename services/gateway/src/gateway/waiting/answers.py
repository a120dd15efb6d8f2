"""Answers that change the lot as well: the lot first, then the shop's books, each under a request id of its own.

A request that is repeated after anything died in between goes the same way again: what was done answers as it did.
"""

from http import HTTPStatus
from uuid import NAMESPACE_OID, uuid5

from brickops.inventory.v1 import inventory_service_pb2 as inventory
from brickops.sync.v1 import sync_service_pb2 as sync
from brickops.sync.v1 import waiting_pb2
from gateway.lots.translate import patch_to_proto
from gateway.problems import FieldProblem, Problem
from gateway.upstreams import COMMAND_SECONDS, Behind
from gateway.waiting.models import ConflictAnswer, ConflictAnswered, TroubleAnswer, TroubleAnswered
from gateway.words import value_of
from servicekit.wire_values import value_to_proto

_CHANGED = "The lot becomes what you said, and every shop follows it."
_REASON = "the shop's value was taken"
_COUNTED = "the shop's number was taken"
_TAKEN_BACK = "the shop's number was not to be taken after all"


async def answer_conflict(
    behind: Behind,
    marketplace: str,
    lot_id: str,
    field: str,
    answered: ConflictAnswered,
    *,
    request_id: str,
    revision: int | None,
) -> str:
    """Settle a conflict; say what follows. Raises Problem."""
    shop, theirs = behind.sync(marketplace), value_to_proto(answered.theirs)
    keep = sync.KeepOursRequest(request_id=request_id, lot_id=lot_id, field=field, theirs=theirs)
    if answered.answer is ConflictAnswer.OURS:
        return (await behind.ask(shop.KeepOurs, keep, seconds=COMMAND_SECONDS)).message
    if revision is None:
        raise Problem(
            HTTPStatus.PRECONDITION_REQUIRED,
            "IF_MATCH_REQUIRED",
            "To change the lot needs If-Match with the revision that it was decided on.",
            errors=[FieldProblem(field="If-Match", detail="is required")],
        )
    if answered.answer is ConflictAnswer.THEIRS:
        take = sync.TakeTheirsRequest(request_id=request_id, lot_id=lot_id, field=field, theirs=theirs)
        taken = await behind.ask(shop.TakeTheirs, take, seconds=COMMAND_SECONDS)
        taken.lot.lot_id = lot_id
        update = inventory.UpdateLotRequest(lot=taken.lot, update_mask=taken.mask, reason=_REASON)
        await _update(behind, update, request_id, revision)
        return taken.message
    if answered.lot is None or not answered.lot.model_fields_set - {"reason"}:
        raise Problem.of_field("lot", "must name the fields as they shall be")
    values, mask = patch_to_proto(lot_id, answered.lot)
    update = inventory.UpdateLotRequest(lot=values, update_mask=mask, reason=answered.lot.reason)
    if await _update(behind, update, request_id, revision):
        return _CHANGED
    return (await behind.ask(shop.KeepOurs, keep, seconds=COMMAND_SECONDS)).message  # it is ours that was said


async def _update(behind: Behind, update: inventory.UpdateLotRequest, request_id: str, revision: int) -> str:
    update.request_id, update.expected_revision = _own(request_id, "lot"), revision
    return (await behind.ask(behind.inventory.UpdateLot, update, seconds=COMMAND_SECONDS)).change_id


async def answer_trouble(
    behind: Behind, marketplace: str, lot_id: str, answered: TroubleAnswered, *, request_id: str
) -> str:
    """Settle a trouble; say what follows. Raises Problem."""
    shop = behind.sync(marketplace)
    asked = sync.AnswerTroubleRequest(
        request_id=request_id,
        lot_id=lot_id,
        trouble=answered.trouble,
        answer=value_of(waiting_pb2.TroubleAnswer, answered.answer),
        listing_id=answered.listing_id or "",
        seen_listing_ids=answered.look_alikes,
        difference=answered.difference,
    )
    change_id = ""
    if answered.answer is TroubleAnswer.SHOP_IS_RIGHT and await _still_is(behind, marketplace, lot_id, answered):
        adjust = inventory.AdjustQuantityRequest(
            request_id=_own(request_id, "lot"), lot_id=lot_id, by=answered.difference, reason=_COUNTED
        )
        adjusted = await behind.ask(behind.inventory.AdjustQuantity, adjust, seconds=COMMAND_SECONDS)
        asked.lot_revision, change_id = adjusted.lot.revision, adjusted.change_id
    try:
        return (await behind.ask(shop.AnswerTrouble, asked, seconds=COMMAND_SECONDS)).message
    except Problem as problem:
        if change_id and problem.status_code in (HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND):
            # It was settled in this very moment by something else: the lot is as it was.
            undo = inventory.UndoChangeRequest(
                request_id=_own(request_id, "undo"), change_id=change_id, reason=_TAKEN_BACK
            )
            await behind.ask(behind.inventory.UndoChange, undo, seconds=COMMAND_SECONDS)
        raise


async def _still_is(behind: Behind, marketplace: str, lot_id: str, answered: TroubleAnswered) -> bool:
    """Tell whether the lot is in this trouble; if not, only the answer to a repeated request can come of it."""
    asked = sync.GetWaitingRequest(lot_id=lot_id)
    try:
        trouble = (await behind.ask(behind.sync(marketplace).GetWaiting, asked)).lot.trouble
    except Problem as problem:
        if problem.status_code == HTTPStatus.NOT_FOUND:
            return False
        raise
    return (trouble.trouble, trouble.difference) == (answered.trouble, answered.difference)


def _own(request_id: str, part: str) -> str:
    """Name a part of a request: always the same name for it, and short, however long the request's own id is."""
    return f"{uuid5(NAMESPACE_OID, request_id)}:{part}"
