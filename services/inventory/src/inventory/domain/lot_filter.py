"""Which lots of a seller, and in which order: one filter for lists, counts, exports and whatever else chooses lots."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final

from inventory.domain.colors import color_names
from inventory.domain.errors import InvalidFields, Violation
from inventory.domain.lot import Availability, Condition, ItemType
from inventory.domain.rules import LONGEST_ITEM_NUMBER, LONGEST_LOCATION, LONGEST_NOTE, LONGEST_TAG, MOST_TAGS
from inventory.domain.sync_status import SyncState
from inventory.domain.text import normal_form

_FINGERPRINT_DIGITS: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class InShop:
    """How far lots have come in one shop: any of these states."""

    marketplace: str
    states: frozenset[SyncState]


@dataclass(frozen=True, slots=True, kw_only=True)
class LotFilter:
    """Which lots: everything said must hold; None and what is empty ask nothing."""

    item_types: frozenset[ItemType] = frozenset()
    """Any of these."""
    item_number: str = ""
    color_ids: frozenset[int] = frozenset()
    """Any of these."""
    condition: Condition | None = None
    location: str | None = None
    """Exactly; empty means those that have none."""
    tags: tuple[str, ...] = ()
    """All of these."""
    text: str = ""
    """In a row in number, description or remarks, upper and lower case being the same."""
    price_from: Decimal | None = None
    price_to: Decimal | None = None
    """In the seller's currency; both bounds are within."""
    quantity_from: int | None = None
    quantity_to: int | None = None
    archived: bool | None = False
    """None: both archived ones and others."""
    availabilities: frozenset[Availability] = frozenset()
    """Any of these."""
    sync: tuple[InShop, ...] = ()
    """All of these, each of another shop."""

    def fingerprint(self) -> str:
        """The same for equal filters, and for no others that anybody will meet."""
        return hashlib.sha256(json.dumps(asdict(self), default=_canonical).encode()).hexdigest()[:_FINGERPRINT_DIGITS]


def _canonical(value: object) -> object:
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, Decimal):
        return str(value.normalize())
    raise TypeError(f"a filter holds no {type(value).__name__}")


def check_filter(said: LotFilter, marketplaces: Sequence[str]) -> LotFilter:
    """The filter with its texts in the normal form of a lot's. Raises InvalidFields with every broken rule."""
    wanted = replace(
        said,
        item_number=normal_form(said.item_number),
        location=None if said.location is None else normal_form(said.location),
        tags=tuple(sorted({normal_form(tag) for tag in said.tags})),
        text=normal_form(said.text),
    )
    if broken := list(_broken(said, wanted, marketplaces)):
        raise InvalidFields(broken)
    return wanted


def _broken(said: LotFilter, wanted: LotFilter, marketplaces: Sequence[str]) -> Iterator[Violation]:
    yield from _too_long("item_number", wanted.item_number, LONGEST_ITEM_NUMBER)
    if unknown := sorted(wanted.color_ids - color_names().keys()):
        yield Violation("color_ids", f"must be BrickLink colours: {unknown[0]} is none")
    yield from _too_long("location", wanted.location or "", LONGEST_LOCATION)
    if len(said.tags) > MOST_TAGS:
        yield Violation("tags", f"must be {MOST_TAGS} at most")
    for number, tag in enumerate(said.tags):
        if not 1 <= len(normal_form(tag)) <= LONGEST_TAG:
            yield Violation(f"tags[{number}]", f"must have 1 to {LONGEST_TAG} characters")
    yield from _too_long("text", wanted.text, LONGEST_NOTE)
    yield from _upside_down("price", wanted.price_from, wanted.price_to)
    yield from _upside_down("quantity", wanted.quantity_from, wanted.quantity_to)
    for number, shop in enumerate(wanted.sync):
        yield from _broken_by_shop(f"sync[{number}]", shop, wanted.sync[:number], marketplaces)


def _too_long(name: str, text: str, longest: int) -> Iterator[Violation]:
    if len(text) > longest:
        yield Violation(name, f"must have {longest} characters at most")


def _upside_down(name: str, lowest: Decimal | int | None, highest: Decimal | int | None) -> Iterator[Violation]:
    if lowest is not None and highest is not None and highest < lowest:
        yield Violation(f"{name}_to", f"must not be below {name}_from")


def _broken_by_shop(
    path: str, shop: InShop, before: Sequence[InShop], marketplaces: Sequence[str]
) -> Iterator[Violation]:
    if shop.marketplace not in marketplaces:
        yield Violation(f"{path}.marketplace", f"must be one of {', '.join(marketplaces)}")
    elif any(other.marketplace == shop.marketplace for other in before):
        yield Violation(f"{path}.marketplace", "is there twice")
    if not shop.states:
        yield Violation(f"{path}.states", "must name at least one")


class LotColumn(StrEnum):
    """What lots can be ordered by, beside their id, which is the order in which they were made."""

    ITEM_NUMBER = "ITEM_NUMBER"
    ITEM_TYPE = "ITEM_TYPE"
    COLOR_ID = "COLOR_ID"
    CONDITION = "CONDITION"
    COMPLETENESS = "COMPLETENESS"
    USED_GRADE = "USED_GRADE"
    QUANTITY = "QUANTITY"
    RESERVED = "RESERVED"
    SOLD = "SOLD"
    UNIT_PRICE = "UNIT_PRICE"
    SALE_PERCENT = "SALE_PERCENT"
    BULK = "BULK"
    COST = "COST"
    DESCRIPTION = "DESCRIPTION"
    REMARKS = "REMARKS"
    STOCKROOM = "STOCKROOM"
    RETAIN = "RETAIN"
    WEIGHT_GRAMS = "WEIGHT_GRAMS"
    LOCATION = "LOCATION"
    ARCHIVED = "ARCHIVED"
    AVAILABILITY = "AVAILABILITY"
    UPDATED_AT = "UPDATED_AT"


@dataclass(frozen=True, slots=True, kw_only=True)
class LotOrder:
    """By a column, then by lot id, both in the same direction; without a column by lot id alone."""

    column: LotColumn | None = None
    descending: bool = False
