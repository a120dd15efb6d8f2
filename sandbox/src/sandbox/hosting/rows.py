"""A shop's lots and orders as its page shows them, whatever the marketplace."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class LotRow:
    """One lot."""

    lot_id: int
    number: str
    name: str
    color: str
    rgb: str
    """Six hexadecimal digits."""
    condition: str
    pieces: int
    bulk: int
    price: str
    price_notes: tuple[str, ...]
    """Sale and tiers."""
    public_note: str
    private_note: str
    status: str
    is_for_sale: bool
    badges: tuple[str, ...] = ()

    def mentions(self, text: str) -> bool:
        """Tell whether number, name, colour or private note hold this text."""
        words = f"{self.lot_id} {self.number} {self.name} {self.color} {self.private_note}"
        return text.casefold() in words.casefold()


@dataclass(frozen=True, kw_only=True)
class LineRow:
    """Pieces of one lot."""

    pieces: int
    what: str
    lot_id: int


@dataclass(frozen=True, kw_only=True)
class OrderRow:
    """One order."""

    order_id: int
    ordered: str
    buyer: str
    lines: tuple[LineRow, ...]
    badges: tuple[str, ...]
    """Status and the like."""
