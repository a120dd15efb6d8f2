"""Lots as REST takes them, and what the shop must show for one."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

Json = Any
"""A JSON document of the REST API or of the sandbox; each describes its own at /docs."""

_LETTERS = {"NEW": "N", "USED": "U", "COMPLETE": "C", "INCOMPLETE": "B", "SEALED": "S"}
_NO_TIER = {"quantity": 0, "unit_price": {"amount": "0"}}


def eur(amount: str) -> Json:
    """Money in the currency of most test shops."""
    return {"amount": amount, "currency": "EUR"}


def a_part(item_no: str = "3001", color_id: int = 5, **fields: object) -> Json:
    """A new lot of a part: ten pieces unless told otherwise."""
    lot = {
        "item_type": "PART",
        "item_no": item_no,
        "color_id": color_id,
        "condition": "NEW",
        "quantity": 10,
        "unit_price": eur("0.1200"),
    }
    return lot | fields


def a_set(item_no: str = "6080-1", completeness: str = "COMPLETE", **fields: object) -> Json:
    """A new lot of a set."""
    lot = {
        "item_type": "SET",
        "item_no": item_no,
        "condition": "USED",
        "completeness": completeness,
        "quantity": 1,
        "unit_price": eur("120"),
    }
    return lot | fields


def shown_for(lot: Mapping[str, Any]) -> Json:
    """What the shop must show for a lot that is for sale or was hidden after it was: LOT.md's BrickLink column.

    Written down here a second time on purpose: a mistake in the service's own mapping must not hide itself.
    """
    tiers = [*lot["tiers"], _NO_TIER, _NO_TIER, _NO_TIER][:3]
    shown = {
        "type": lot["item_type"],
        "no": lot["item_no"],
        "color_id": lot["color_id"],
        "new_or_used": _LETTERS[lot["condition"]],
        "completeness": _LETTERS[lot["completeness"]] if lot["completeness"] else None,
        "quantity": lot["quantity"],
        "unit_price": _amount(lot["unit_price"]),
        "sale_rate": lot["sale_percent"],
        "bulk": lot["bulk"],
        "my_cost": _amount(lot["cost"] or eur("0")),
        "description": lot["description"],
        "remarks": lot["remarks"],
        "is_stock_room": lot["stockroom"] is not None,
        "stock_room_id": lot["stockroom"],
        "is_retain": lot["retain"],
    }
    for place, tier in enumerate(tiers, start=1):
        shown |= {f"tier_quantity{place}": tier["quantity"], f"tier_price{place}": _amount(tier["unit_price"])}
    return shown


def seen(listing: Mapping[str, Any]) -> Json:
    """What the sandbox's control API shows of one of its lots, in the same form."""
    flat = {**listing, **listing["item"]}
    return {name: flat.get(name) for name in _SHOWN}


def a_listing(lot: Mapping[str, Any], **fields: object) -> Json:
    """A listing for the sandbox's control API that is equal to a lot, but for the fields named here."""
    shown = {name: value for name, value in shown_for(lot).items() if value is not None}
    item = {"no": shown.pop("no"), "type": shown.pop("type")}
    return {"item": item, **shown, **fields}


def _amount(money: Mapping[str, str]) -> str:
    return f"{Decimal(money['amount']):.4f}"


_SHOWN = (
    *("type", "no", "color_id", "new_or_used", "completeness", "quantity", "unit_price", "sale_rate", "bulk"),
    *("my_cost", "description", "remarks", "is_stock_room", "stock_room_id", "is_retain"),
    *(f"tier_{what}{place}" for place in (1, 2, 3) for what in ("quantity", "price")),
)


def upload_file(lots: int, parts: Sequence[tuple[str, int]] = ()) -> bytes:
    """A file of BrickStore's (formats.md section 8) with so many lots for sale, no two of one item.

    `parts`: the number and colour of each, where they must be some that a catalogue knows.

    Their remarks are their numbers. As in a real one there are names, values from before an edit, and an item that the
    file itself excludes, of which no lot becomes.
    """
    of_each = parts or [(str(3000 + place), 5) for place in range(lots)]
    items = "".join(_bsx_item(place, *of_each[place]) for place in range(lots))
    excluded = _bsx_item(lots, "3001", 11).replace("<Status>I<", "<Status>X<")
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<BrickStoreXML>
 <Inventory Currency="EUR" BrickLinkChangelogId="0">
{items}{excluded} </Inventory>
 <GuiState Application="BrickStore" Version="2"><ColumnLayout/></GuiState>
</BrickStoreXML>
""".encode()


def _bsx_item(place: int, number: str, color_id: int) -> str:
    """One Item; most of what equals its default is not written."""
    return f"""  <Item>
   <ItemID>{number}</ItemID>
   <ItemTypeID>P</ItemTypeID>
   <ColorID>{color_id}</ColorID>
   <ItemName>Brick No. {place} &amp; its &quot;friends&quot;</ItemName>
   <ItemTypeName>Part</ItemTypeName>
   <ColorName>Red</ColorName>
   <CategoryID>5</CategoryID>
   <CategoryName>Brick</CategoryName>
   <Status>I</Status>
   <Qty>{1 + place % 7}</Qty>
   <Price>0.{100 + place % 800}</Price>
   <Condition>N</Condition>
   <Comments>No. {place}</Comments>
   <Remarks>{place}</Remarks>
   <DifferenceBaseValues Price="0.050"/>
  </Item>
"""
