"""How values of a lot look in a change: the names and forms of the REST face, which a person reads."""

from collections.abc import Mapping
from decimal import Decimal

from inventory.domain.lot import Item, Tier
from inventory.domain.money import plain, plain_number


def shown(values: Mapping[str, object]) -> dict[str, object]:
    """Fields of a lot as JSON values: words, decimal strings, lists; an item as its five fields."""
    result: dict[str, object] = {}
    for name, value in values.items():
        if isinstance(value, Item):
            result |= {
                "item_type": value.type.value,
                "item_no": value.number,
                "color_id": value.color_id,
                "condition": value.condition.value,
                "completeness": None if value.completeness is None else value.completeness.value,
            }
        elif isinstance(value, Decimal):
            result[name] = plain_number(value) if name == "weight_grams" else plain(value)
        elif isinstance(value, tuple):
            result[name] = [_element(element) for element in value]
        else:
            result[name] = value
    return result


def _element(element: object) -> object:
    if isinstance(element, Tier):
        return {"quantity": element.quantity, "unit_price": plain(element.unit_price)}
    return element
