"""What every kind of file has: rows, and who judges them, one by one and without the others."""

from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from typing import Final

from inventory.imports.operation import CheckedRow, Row

MOST_ROWS: Final = 100_000


class FileRefused(Exception):
    """The file as a whole cannot be taken; the text says why, and where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """A kind of file."""

    format: str
    """As ImportFormat in `import.proto` calls it."""
    judge: Callable[[Row, int, str], CheckedRow]
    """The verdict on a row, given its number and the currency of the import."""
    fields: Set[str]
    """The fields of a lot that it can say, besides item and quantity."""


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file that was read to its end; nobody has judged its rows."""

    dialect: Dialect
    rows: list[Row]
    fields: Set[str]
    """Those that this very file can say."""


def first_fault(row: Row, faults: Iterator[tuple[str, str]]) -> tuple[str, str] | None:
    """What makes a row no lot, whatever else it says: its form first, then these."""
    return row.fault or next(faults, None)
