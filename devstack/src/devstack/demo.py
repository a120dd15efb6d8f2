"""The demo seller: a few lots, put in over REST like anybody's, so that the first look is not at an empty shelf."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid5

import httpx

from devstack.problems import Problem

# An idempotency key follows from what it creates: a second start repeats requests that were answered already, and
# adds nothing
_NAMESPACE = UUID("7b3f3f0e-2f0b-4d0e-9c0a-6a5d1f0c2e11")

_EUR = "EUR"


def _part(item_no: str, color_id: int, quantity: int, price: str, **more: object) -> dict[str, object]:
    return {
        "item_type": "PART",
        "item_no": item_no,
        "color_id": color_id,
        "condition": "NEW",
        "quantity": quantity,
        "unit_price": {"amount": price, "currency": _EUR},
        **more,
    }


# Numbers and colours are BrickLink's
LOTS: Sequence[dict[str, Any]] = (
    _part("3001", 5, 400, "0.1200", remarks="A1-01", description="Brick 2 x 4, red, never built"),
    _part("3003", 1, 250, "0.0900", remarks="A1-02", bulk=10),
    _part("3020", 11, 1200, "0.0450", remarks="A1-03", sale_percent=10),
    _part(
        "3023",
        86,
        3000,
        "0.0250",
        remarks="A1-04",
        tiers=[
            {"quantity": 100, "unit_price": {"amount": "0.0220", "currency": _EUR}},
            {"quantity": 500, "unit_price": {"amount": "0.0190", "currency": _EUR}},
        ],
    ),
    _part("3069b", 1, 75, "0.0600", condition="USED", used_grade="GOOD", remarks="B2-07"),
)


def load(gateway_url: str, token: str) -> None:
    """Create the lots that are not there yet. Raises `Problem` if the gateway refuses one."""
    with httpx.Client(base_url=gateway_url, headers={"Authorization": f"Bearer {token}"}, timeout=30) as gateway:
        for lot in LOTS:
            key = str(uuid5(_NAMESPACE, json.dumps(lot, sort_keys=True)))
            answer = gateway.post("/v1/lots", json=lot, headers={"Idempotency-Key": key})
            if answer.is_error:
                raise Problem(f"the demo lot {lot['item_no']} was refused ({answer.status_code}): {answer.text}")
