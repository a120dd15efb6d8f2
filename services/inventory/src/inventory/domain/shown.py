"""How values of a lot look in a change: the names and forms of the REST face, which a person reads."""

from collections.abc import Mapping, Set
from decimal import Decimal

from inventory.domain.lot import Item, Tier
from inventory.domain.money import plain, plain_number


def shown_change(
    before: Mapping[str, object], after: Mapping[str, object]
) -> tuple[dict[str, object], dict[str, object]]:
    """What a difference changed, before and after, as `shown`; of an item only the parts that differ."""
    old, new = shown(before), shown(after)
    same = {name for name in old if name in new and old[name] == new[name]}
    return _without(old, same), _without(new, same)


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


def _without(values: Mapping[str, object], names: Set[str]) -> dict[str, object]:
    return {name: value for name, value in values.items() if name not in names}


def _element(element: object) -> object:
    if isinstance(element, Tier):
        return {"quantity": element.quantity, "unit_price": plain(element.unit_price)}
    return element
