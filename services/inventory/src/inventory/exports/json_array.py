"""JSON: one array of lots, each with the fields and forms of the REST face; one lot a line."""

import json

from inventory.domain.lot import SETTABLE, Lot
from inventory.domain.money import plain
from inventory.domain.shown import shown
from inventory.exports.operation import ExportedLot


class JsonArray:
    """Writes the document."""

    def __init__(self) -> None:
        self._separator = ""

    def head(self) -> str:
        """The array's beginning."""
        return "["

    def lot(self, exported: ExportedLot) -> str:
        """One object."""
        separator, self._separator = self._separator, ","
        return f"{separator}\n{json.dumps(_object(exported.lot), ensure_ascii=False)}"

    def tail(self) -> str:
        """The array's end."""
        return "\n]\n"


def _object(lot: Lot) -> dict[str, object]:
    values = shown({name: getattr(lot, name) for name in SETTABLE if name not in {"unit_price", "cost", "tiers"}})
    return {
        "lot_id": lot.lot_id,
        "revision": lot.revision,
        **values,
        "unit_price": {"amount": plain(lot.unit_price), "currency": lot.currency},
        "cost": None if lot.cost is None else {"amount": plain(lot.cost), "currency": lot.currency},
        "tiers": [
            {"quantity": tier.quantity, "unit_price": {"amount": plain(tier.unit_price), "currency": lot.currency}}
            for tier in lot.tiers
        ],
        "sold": lot.sold,
        "archived": lot.archived,
        "created_at": lot.created_at.isoformat(),
        "updated_at": lot.updated_at.isoformat(),
    }
