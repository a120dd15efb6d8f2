"""The demo seller: an empty shop in each sandbox to connect, and a few lots, put in over REST like anybody's."""

import json
from collections.abc import Mapping, Sequence
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


# The sandboxes' own keys for their demo shops: they open nothing else, so they may stand here and in the README
SHOP = "demo"
KEYS = {
    "consumer_key": "demo-consumer-key",
    "consumer_secret": "demo-consumer-secret",
    "token": "demo-token",
    "token_secret": "demo-token-secret",
}
BRICKOWL_KEYS = {"key": "demo-brickowl-key"}


def load(*, gateway_url: str, token: str, sandbox_url: str) -> None:
    """Open the shop and create the lots, as far as they are not there. Raises `Problem` if one is refused."""
    with httpx.Client(timeout=30, trust_env=False) as client:  # a proxy in the environment does not lead here
        _open_shop(client, sandbox_url, KEYS)
        for lot in LOTS:
            key = str(uuid5(_NAMESPACE, json.dumps(lot, sort_keys=True)))
            headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
            _accepted(f"lot {lot['item_no']}", client.post(f"{gateway_url}/v1/lots", json=lot, headers=headers))


def open_brickowl_shop(sandbox_url: str) -> None:
    """Open the shop at Brick Owl, if it is not there. Raises `Problem` if it is refused."""
    with httpx.Client(timeout=30, trust_env=False) as client:
        _open_shop(client, sandbox_url, BRICKOWL_KEYS)


def _open_shop(client: httpx.Client, sandbox_url: str, keys: Mapping[str, str]) -> None:
    shop = f"{sandbox_url}/sandbox/shops/{SHOP}"
    if client.get(shop).status_code == httpx.codes.NOT_FOUND:
        _accepted("shop", client.put(shop, json={**keys, "seller_name": "demo_seller", "currency": _EUR}))


def _accepted(what: str, answer: httpx.Response) -> None:
    if answer.is_error:
        raise Problem(f"the demo {what} was refused ({answer.status_code}): {answer.text}")
