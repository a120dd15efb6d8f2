"""What each format of an export is given to write."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from inventory.domain.lot import Lot

BRICKLINK: Final = "bricklink"
"""The marketplace whose listing ids go into BSX."""


@dataclass(frozen=True, slots=True)
class ExportedLot:
    """A lot to write down."""

    lot: Lot
    listings: Mapping[str, str]
    """By marketplace: the listing that stood for it when the shop last reported."""


class Writer(Protocol):
    """A format, which writes each lot for itself."""

    def head(self) -> str:
        """What stands before the lots."""

    def lot(self, exported: ExportedLot) -> str:
        """One lot; empty if the format cannot say it."""

    def tail(self) -> str:
        """What stands after the lots."""
