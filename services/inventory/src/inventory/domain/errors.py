"""Refusals, named by what the caller does next. Their text is written for the caller."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that a field breaks."""

    field: str
    """The field's path: `quantity`, `item.number`, `tiers[1].unit_price`."""
    rule: str
    """The rule in words that follow the field's name."""


class InvalidFields(Exception):
    """Something that was said breaks the rules; every broken one is named."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        self.violations = tuple(violations)
        super().__init__("; ".join(f"{violation.field} {violation.rule}" for violation in self.violations))

    @classmethod
    def one(cls, field: str, rule: str) -> "InvalidFields":
        """The refusal of one field."""
        return cls([Violation(field, rule)])


class InvalidLot(InvalidFields):
    """What was said of a lot breaks its rules; the fields are paths in a lot."""


class LotNotFound(Exception):
    """The seller has no such lot."""

    def __init__(self) -> None:
        super().__init__("There is no such lot.")


class ChangeNotFound(Exception):
    """The seller has no such change."""

    def __init__(self) -> None:
        super().__init__("There is no such change.")


class ImportNotFound(Exception):
    """The seller has no such import."""

    def __init__(self) -> None:
        super().__init__("There is no such import.")


class StaleRevision(Exception):
    """The lot changed since the caller read it: read it again, decide again."""

    def __init__(self, *, expected: int, actual: int) -> None:
        super().__init__(f"The lot is at revision {actual}, not at {expected}; read it again.")


class NotEnoughPieces(Exception):
    """A person asked for more pieces than there are. (A sale never gets this answer, rule S3.)"""

    def __init__(self, *, wanted: int, have: int, kind: str = "for sale") -> None:
        super().__init__(f"The lot has {have} pieces {kind}; {wanted} cannot be taken.")


class UndoRefused(Exception):
    """A change cannot be undone."""


class AlreadyUndone(UndoRefused):
    """It was undone before: to undo it again, its undo must be undone first."""

    def __init__(self) -> None:
        super().__init__("This was undone before; to redo it, undo the undo.")


class NotUndoable(UndoRefused):
    """Only the shop can take back what came from an order (rule S5)."""

    def __init__(self) -> None:
        super().__init__("What an order changed cannot be undone; a return in the shop gives its pieces back.")


class ChangedSince(UndoRefused):
    """Fields are no longer as the change left them, or can no longer be as they were before it."""

    def __init__(self, fields: Sequence[str]) -> None:
        super().__init__(f"The lot was changed since, so this cannot be undone: {', '.join(fields)}.")


class ImportIsRunning(UndoRefused):
    """An import can only be undone once it has run to its end."""

    def __init__(self) -> None:
        super().__init__("The import is still running; undo it when it is done.")


class UndoIsRunning(UndoRefused):
    """What is being undone can only be redone, or undone again, once that is done."""

    def __init__(self) -> None:
        super().__init__("It is still being undone, or redone; ask again when that is done.")


class NothingToRedo(UndoRefused):
    """It stands as it was done."""

    def __init__(self) -> None:
        super().__init__("It was not undone, or was redone since: there is nothing to redo.")


class BulkEditNotFound(Exception):
    """The seller has no such bulk edit."""

    def __init__(self) -> None:
        super().__init__("There is no such bulk edit.")


class BulkEditIsOver(Exception):
    """All its lots are done: there is nothing left to cancel."""

    def __init__(self) -> None:
        super().__init__("This bulk edit is over.")


class BulkEditIsRunning(UndoRefused):
    """A bulk edit can only be undone once it is over."""

    def __init__(self) -> None:
        super().__init__("The bulk edit is still running; undo it when it is done, or cancel it first.")


class ImportUndoNotFound(Exception):
    """Nobody has undone this import."""

    def __init__(self) -> None:
        super().__init__("This import was not undone.")


class ReturnNotFound(Exception):
    """The seller has no such return."""

    def __init__(self) -> None:
        super().__init__("There is no such return.")


class ReturnIsClosed(Exception):
    """It was said already where the pieces are."""

    def __init__(self) -> None:
        super().__init__("This return is closed: it was said where its pieces are.")


class ReturnHasChanged(Exception):
    """More pieces came to the return, or some left it, since the caller read it."""

    def __init__(self, *, pieces: int) -> None:
        super().__init__(f"The return has {pieces} pieces by now; read it again.")


class RequestIdReused(Exception):
    """A request id came again with another body."""

    def __init__(self) -> None:
        super().__init__("This request id was used before for another request; choose a new one.")
