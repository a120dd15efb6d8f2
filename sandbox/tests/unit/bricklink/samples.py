"""Bodies and moments that several tests start from."""

from datetime import UTC, datetime
from typing import Any

NOW = datetime(2026, 2, 1, 10, 15, tzinfo=UTC)


def lot_body(**changes: Any) -> dict[str, Any]:
    """Return a body that creates a lot of 40 red bricks; a change to None takes the field out."""
    body: dict[str, Any] = {
        "item": {"no": "3001", "type": "PART"},
        "color_id": 5,
        "quantity": 40,
        "unit_price": "0.1200",
        "new_or_used": "U",
        "description": "",
        "remarks": "A1-03",
        "bulk": 1,
        "is_retain": False,
        "is_stock_room": False,
    }
    return {name: value for name, value in (body | changes).items() if value is not None}


def tiers(*values: int | str) -> dict[str, int | str]:
    """Return the six tier fields: quantity, price, three times over."""
    names = [f"tier_{kind}{place}" for place in (1, 2, 3) for kind in ("quantity", "price")]
    return dict(zip(names, values, strict=True))
