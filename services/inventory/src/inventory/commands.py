"""What can be done to lots. Each command is one transaction, which the caller commits with its answer (section 3)."""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from inventory.domain.changes import Cause, ChangeSource, Difference
from inventory.domain.errors import InvalidFields, Violation
from inventory.domain.lot import SETTABLE, Lot, LotFields, create
from inventory.domain.rules import ITEM_PARTS, Proposal, check, merged
from inventory.domain.text import normal_form
from inventory.ids import new_id
from inventory.storage.lots import equal_lots, lock_lot
from inventory.storage.sellers import find_currency, fix_currency
from inventory.storage.unit_of_work import UnitOfWork

LONGEST_REASON: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class By:
    """Who commands, for which seller, and why."""

    seller_id: str
    actor: str
    reason: str
    correlation_id: str
    at: datetime

    def cause(self) -> Cause:
        """What a change records of it. Raises InvalidFields if the reason is too long."""
        reason = normal_form(self.reason)
        if len(reason) > LONGEST_REASON:
            raise InvalidFields.one("reason", f"must have {LONGEST_REASON} characters at most")
        return Cause(
            source=ChangeSource.USER,
            actor=self.actor,
            reason=reason,
            at=self.at,
            correlation_id=self.correlation_id,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateLot:
    """Make a lot."""

    said: Proposal


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateLot:
    """Set the named fields."""

    lot_id: str
    said: Proposal
    names: Set[str]
    expected_revision: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustQuantity:
    """Change pieces by differences."""

    lot_id: str
    by: int
    reserved_by: int
    expected_revision: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveLot:
    """Put a lot away."""

    lot_id: str
    expected_revision: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreLot:
    """Take a lot out again."""

    lot_id: str
    expected_revision: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The lot after a command."""

    lot: Lot
    change_id: str
    """Empty if nothing differed."""
    # Of a lot that was made, or is another item now: those of the same item, colour, condition and completeness.
    equal_lot_ids: Sequence[str] = ()


async def create_lot(command: CreateLot, by: By, work: UnitOfWork) -> Done:
    """Makes a lot; the first price of a seller fixes the currency. Raises InvalidLot."""
    cause = by.cause()
    said = await _checked(command.said, by, work)
    equal = await equal_lots(work.conn, by.seller_id, said.item)
    lot, difference = create(said, lot_id=new_id(), seller_id=by.seller_id, now=by.at)
    change = work.recorder.record(lot, difference, cause)
    return Done(lot=lot, change_id=change.change_id, equal_lot_ids=equal)


async def _checked(said: Proposal, by: By, work: UnitOfWork) -> LotFields:
    currency = await find_currency(work.conn, by.seller_id)
    checked = check(said, currency=currency)
    if currency is None:
        # Another first price may have been faster; then this one is refused after all.
        currency = await fix_currency(work.conn, by.seller_id, checked.currency, by.at)
        checked = check(said, currency=currency)
    return checked


async def update_lot(command: UpdateLot, by: By, work: UnitOfWork) -> Done:
    """Sets fields. Raises InvalidFields, LotNotFound, StaleRevision."""
    cause = by.cause()
    if violations := list(_broken_by_names(command)):
        raise InvalidFields(violations)
    lot = await lock_lot(work.conn, by.seller_id, command.lot_id)
    lot.expect(command.expected_revision)
    said = check(
        merged(lot, command.said, command.names), currency=lot.currency, quantity_is_new="quantity" in command.names
    )
    done = _recorded(lot.update(said, by.at), cause, work)
    if done.lot.item == lot.item:
        return done
    equal = await equal_lots(work.conn, by.seller_id, done.lot.item)
    return replace(done, equal_lot_ids=[lot_id for lot_id in equal if lot_id != lot.lot_id])


def _broken_by_names(command: UpdateLot) -> Iterator[Violation]:
    if not command.names:
        yield Violation("update_mask", "must name a field")
    for name in sorted(command.names):
        if name not in SETTABLE and name not in ITEM_PARTS:
            yield Violation("update_mask", f"must name fields that can be set, not {name}")
    if "quantity" in command.names and command.expected_revision is None:
        yield Violation("expected_revision", "is required to set the quantity; or change it by a difference")


async def adjust_quantity(command: AdjustQuantity, by: By, work: UnitOfWork) -> Done:
    """Changes pieces by differences. Raises InvalidFields, LotNotFound, StaleRevision, NotEnoughPieces."""
    cause = by.cause()
    lot = await lock_lot(work.conn, by.seller_id, command.lot_id)
    lot.expect(command.expected_revision)
    return _recorded(lot.adjust(by=command.by, reserved_by=command.reserved_by, now=by.at), cause, work)


async def archive_lot(command: ArchiveLot, by: By, work: UnitOfWork) -> Done:
    """Puts a lot away. Raises InvalidFields, LotNotFound, StaleRevision."""
    cause = by.cause()
    lot = await lock_lot(work.conn, by.seller_id, command.lot_id)
    lot.expect(command.expected_revision)
    return _recorded(lot.archive(by.at), cause, work)


async def restore_lot(command: RestoreLot, by: By, work: UnitOfWork) -> Done:
    """Takes a lot out again. Raises InvalidFields, LotNotFound, StaleRevision."""
    cause = by.cause()
    lot = await lock_lot(work.conn, by.seller_id, command.lot_id)
    lot.expect(command.expected_revision)
    return _recorded(lot.restore(by.at), cause, work)


def _recorded(changed: tuple[Lot, Difference], cause: Cause, work: UnitOfWork) -> Done:
    lot, difference = changed
    if not difference:
        return Done(lot=lot, change_id="")
    return Done(lot=lot, change_id=work.recorder.record(lot, difference, cause).change_id)
