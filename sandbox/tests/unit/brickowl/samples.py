"""Parameters and moments that several tests start from."""

from datetime import UTC, datetime
from typing import Any

from sandbox.brickowl.endpoints import Call, answer
from sandbox.brickowl.shop import Shop

NOW = datetime(2026, 2, 1, 10, 15, tzinfo=UTC)

BRICK = "771344"
"""The BOID of part 3001."""


def lot_params(**changes: str | None) -> dict[str, str]:
    """Return what creates a lot of 40 red bricks; a change to None takes the parameter out."""
    params: dict[str, str | None] = {
        "boid": BRICK,
        "color_id": "81",
        "quantity": "40",
        "price": "0.800",
        "condition": "new",
        "external_id": "lot-1",
    }
    return {name: value for name, value in (params | changes).items() if value is not None}


def with_lots(shop: Shop, *quantities: int, **fields: Any) -> list[int]:
    """Put lots of so many pieces into the shop as the seller would; returns their ids."""
    return [shop.put_up_lot(lot_params() | {"quantity": n} | fields, NOW).lot_id for n in quantities]


def ask(shop: Shop, method: str, endpoint: str, **params: str) -> Any:
    """Return what a call answers."""
    return answer(method, endpoint, Call(shop, params, NOW))
