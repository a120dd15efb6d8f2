"""How the rows of a preview get their choices, and leave to become what was chosen."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from inventory.commands import By
from inventory.domain.errors import InvalidFields, Violation
from inventory.domain.linking import Aspect, Whose, theirs_of
from inventory.imports.checking import let_run
from inventory.imports.operation import Choice, Import, ImportNotInPreview, ImportStage, ImportState, Verdict
from inventory.storage.import_verdicts import (
    Found,
    chosen_rows,
    count_different,
    found_rows,
    keep_choices,
    keep_takes,
)
from inventory.storage.imports import lock_import, move_import
from inventory.storage.unit_of_work import UnitOfWork

_OF_A_LOT: Final = frozenset({Choice.ADD, Choice.REPLACE, Choice.LINK})
_OF_A_SHOP: Final = (Choice.LINK, Choice.NEW_LOT, Choice.SKIP)
_OF_A_FILE: Final = (Choice.ADD, Choice.REPLACE, Choice.NEW_LOT, Choice.SKIP)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChoice:
    """What one row becomes."""

    number: int
    choice: Choice
    lot_id: str | None
    """To which candidate it is added, which it replaces, or is linked with, if that is said."""
    takes: Mapping[Aspect, Whose] = field(default_factory=dict)
    """Of a row that is linked: whose value is taken of what differs, if that is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What the rows of a preview become."""

    import_id: str
    duplicates: Choice | None
    """Needed if there is a duplicate that `rows` does not name."""
    ambiguous: Choice
    repeated: Choice
    rows: Sequence[RowChoice]
    takes: Mapping[Aspect, Whose] = field(default_factory=dict)
    """The same for all rows that are linked; needed for what different rows differ in, if `rows` does not say it."""


async def confirm_import(said: Confirmation, by: By, work: UnitOfWork) -> Import:
    """Lets a preview run. Raises ImportNotFound, ImportNotInPreview, InvalidFields."""
    operation = await lock_import(work.conn, by.seller_id, said.import_id)
    if operation.state is not ImportState.PREVIEW or operation.is_expired(by.at):
        raise ImportNotInPreview(ImportState.EXPIRED if operation.is_expired(by.at) else operation.state)
    found = await found_rows(work.conn, said.import_id, [row.number for row in said.rows])
    if violations := list(_broken(said, found, _OF_A_SHOP if operation.marketplace else _OF_A_FILE)):
        raise InvalidFields(violations)
    defaults = {"duplicates": said.duplicates, "ambiguous": said.ambiguous, "repeated": said.repeated}
    await keep_choices(work.conn, said.import_id, defaults, {row.number: row for row in said.rows})
    if violations := [violation async for violation in _not_taken(said, work)]:
        raise InvalidFields(violations)
    otherwise = {row.number: theirs_of([row.takes, said.takes]) for row in said.rows if row.takes}
    await keep_takes(work.conn, said.import_id, theirs_of([said.takes]), otherwise)
    chosen = await chosen_rows(work.conn, said.import_id)
    if chosen.undecided:
        raise InvalidFields.one("duplicates", f"is required: {chosen.undecided} rows are duplicates of a lot")
    if chosen.replaced_twice:
        one, other, *_ = chosen.replaced_twice
        raise InvalidFields.one("rows", f"must not have two rows, as {one} and {other}, replace or link the same lot")
    # What happens to lots from here on happens because this user said so, whoever brought the file.
    values = {"actor": by.actor, "correlation_id": by.correlation_id} | await let_run(work.conn, operation, by.at)
    if "finished_at" not in values:
        values["skipped_rows"] = chosen.skipped
        if any(Whose.THEIRS in takes.values() for takes in (said.takes, *(row.takes for row in said.rows))):
            values["stage"] = ImportStage.TAKING
    return await move_import(work.conn, said.import_id, by.at, **values)


async def _not_taken(said: Confirmation, work: UnitOfWork) -> AsyncIterator[Violation]:
    """What differs and nobody said whose is taken: that is never guessed."""
    for aspect in Aspect:
        if aspect not in said.takes:
            by_themselves = [row.number for row in said.rows if aspect in row.takes]
            if left := await count_different(work.conn, said.import_id, aspect, but=by_themselves):
                yield Violation(f"takes.{aspect.lower()}", f"is required: {left} rows differ from their lots in it")


def _broken(said: Confirmation, found: dict[int, Found], choices: Sequence[Choice]) -> Iterator[Violation]:
    if said.duplicates not in {None, *choices}:
        yield Violation("duplicates", f"must be one of {', '.join(choices)}")
    if said.takes and choices is not _OF_A_SHOP:
        yield Violation("takes", "is for imports from a shop")
    if said.ambiguous in _OF_A_LOT:
        yield Violation("ambiguous", "must be SKIP or NEW_LOT: which lot is meant must be said row by row")
    if said.repeated in {Choice.REPLACE, Choice.LINK}:
        yield Violation("repeated", "must be NEW_LOT, ADD or SKIP: two rows cannot replace the same lot")
    seen: set[int] = set()
    for place, row in enumerate(said.rows):
        name = f"rows[{place}]"
        if row.number in seen:
            yield Violation(f"{name}.number", "is there twice")
        elif row.number not in found:
            yield Violation(f"{name}.number", "is not a row of this import")
        elif row.choice not in choices:
            yield Violation(f"{name}.choice", f"must be one of {', '.join(choices)}")
        else:
            yield from _broken_by_row(name, row, found[row.number])
        seen.add(row.number)


def _broken_by_row(name: str, row: RowChoice, found: Found) -> Iterator[Violation]:
    if not found.is_good:
        yield Violation(f"{name}.number", "is a row that was refused")
    elif row.takes and row.choice is not Choice.LINK:
        yield Violation(f"{name}.takes", f"is not for {row.choice}")
    elif row.lot_id is not None and row.choice not in _OF_A_LOT:
        yield Violation(f"{name}.lot_id", f"is not for {row.choice}")
    elif row.lot_id is not None and row.lot_id not in found.candidates:
        yield Violation(f"{name}.lot_id", "must be one of the row's candidates")
    elif row.choice in _OF_A_LOT and row.lot_id is None and found.duplicate_of is None:
        if found.verdict is Verdict.AMBIGUOUS:
            yield Violation(f"{name}.lot_id", "is required: several lots are equal to this row")
        elif found.verdict is Verdict.NEW or row.choice is Choice.REPLACE:
            yield Violation(f"{name}.choice", f"must not be {row.choice}: no lot is equal to this row")
