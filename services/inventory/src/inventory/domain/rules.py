"""What a seller may say of a lot: every rule of LOT.md, each broken one reported by its field."""

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Final

from inventory.domain.colors import NO_COLOR, color_names
from inventory.domain.errors import InvalidLot, Violation
from inventory.domain.lot import (
    MOST_PIECES,
    Completeness,
    Condition,
    Item,
    ItemType,
    LotFields,
    Stockroom,
    Tier,
    UsedGrade,
)
from inventory.domain.money import PLACES, Money, places_of
from inventory.domain.text import has_markup, normal_form

LONGEST_ITEM_NUMBER: Final = 50
LONGEST_NOTE: Final = 255
LONGEST_LOCATION: Final = 100
LONGEST_TAG: Final = 30
MOST_TAGS: Final = 20
MOST_TIERS: Final = 3
HIGHEST_SALE_PERCENT: Final = 95
LOWEST_PRICE: Final = Decimal("0.001")
HIGHEST_PRICE: Final = Decimal(99_999)
LARGEST_AMOUNT: Final = Decimal(9_999_999)
"""No rule of LOT.md, but what the columns of cost and weight hold."""

# BrickLink's manual only says "0 for uncoloured types" (bricklink.md section 3.1); that parts and gear are the coloured
# ones is how BrickStore treats them.
_COLORED_TYPES: Final = frozenset({ItemType.PART, ItemType.GEAR})
_SET_VARIANT: Final = re.compile(r".+-[0-9]+")
_BLANK: Final = re.compile(r"\s")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedItem:
    """A catalogue entry as somebody named it; None is what they did not say."""

    type: ItemType | None
    number: str
    color_id: int = NO_COLOR
    condition: Condition | None
    completeness: Completeness | None = None


@dataclass(frozen=True, slots=True)
class ProposedTier:
    """A tier as somebody named it."""

    quantity: int
    unit_price: Money | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What somebody says of a lot, before any rule is checked."""

    item: ProposedItem
    used_grade: UsedGrade | None = None
    quantity: int = 0
    reserved: int = 0
    unit_price: Money | None
    sale_percent: int = 0
    tiers: tuple[ProposedTier, ...] = ()
    bulk: int = 1
    cost: Money | None = None
    description: str = ""
    remarks: str = ""
    stockroom: Stockroom | None = None
    retain: bool = False
    weight_grams: Decimal | None = None
    location: str = ""
    tags: tuple[str, ...] = ()
    unreadable: tuple[Violation, ...] = ()
    """Fields that could not even be read; no further rule is told of them."""


def proposal_of(lot: LotFields) -> Proposal:
    """A lot's own fields, to be changed and proposed again."""
    values = {one.name: getattr(lot, one.name) for one in fields(LotFields) if one.name not in _PROPOSED_OTHERWISE}
    return Proposal(
        **values,
        item=ProposedItem(
            type=lot.item.type,
            number=lot.item.number,
            color_id=lot.item.color_id,
            condition=lot.item.condition,
            completeness=lot.item.completeness,
        ),
        unit_price=Money(lot.unit_price, lot.currency),
        tiers=tuple(ProposedTier(tier.quantity, Money(tier.unit_price, lot.currency)) for tier in lot.tiers),
        cost=None if lot.cost is None else Money(lot.cost, lot.currency),
    )


ITEM_PARTS: Final[Mapping[str, str]] = {f"item.{one.name}": one.name for one in fields(ProposedItem)}
"""The parts of an item, by the names under which each can be set alone."""


def merged(lot: LotFields, said: Proposal, names: Set[str]) -> Proposal:
    """A lot's own fields, but these as they are said now; of an item they may be parts (`ITEM_PARTS`)."""
    own = proposal_of(lot)
    parts = {part: getattr(said.item, part) for name, part in ITEM_PARTS.items() if name in names}
    values = {name: getattr(said, name) for name in names - ITEM_PARTS.keys()}
    if parts and "item" not in names:
        values["item"] = replace(own.item, **parts)
    unreadable = tuple(one for one in said.unreadable if {one.field, re.split(r"[.\[]", one.field)[0]} & names)
    return replace(own, **values, unreadable=unreadable)


_PROPOSED_OTHERWISE: Final = frozenset({"item", "currency", "unit_price", "tiers", "cost"})


def check(proposal: Proposal, *, currency: str | None, quantity_is_new: bool = True) -> LotFields:
    """The proposal as fields of a lot, text in its normal form. Raises InvalidLot with every broken rule.

    `currency` is the seller's; None before their first price, which then fixes it. A quantity that is not new may be
    below zero: sales may have taken it there (rule S3).
    """
    proposal = _in_normal_form(proposal)
    broken = {violation.field: violation for violation in reversed(list(_broken(proposal, currency, quantity_is_new)))}
    broken |= {violation.field: violation for violation in proposal.unreadable}
    if broken:
        raise InvalidLot(sorted(broken.values(), key=lambda violation: violation.field))
    return _accepted(proposal)


def _in_normal_form(proposal: Proposal) -> Proposal:
    return replace(
        proposal,
        item=replace(proposal.item, number=normal_form(proposal.item.number)),
        description=normal_form(proposal.description),
        remarks=normal_form(proposal.remarks),
        location=normal_form(proposal.location),
        tags=tuple(normal_form(tag) for tag in proposal.tags),
    )


def _broken(proposal: Proposal, currency: str | None, quantity_is_new: bool) -> Iterator[Violation]:
    yield from _broken_by_item(proposal.item)
    yield from _broken_by_grade(proposal)
    if quantity_is_new and not 0 <= proposal.quantity <= MOST_PIECES:
        yield Violation("quantity", f"must be 0 to {MOST_PIECES:,}")
    if not 0 <= proposal.reserved <= MOST_PIECES:
        yield Violation("reserved", f"must be 0 to {MOST_PIECES:,}")
    yield from _broken_by_prices(proposal, currency or (proposal.unit_price.currency if proposal.unit_price else None))
    if proposal.weight_grams is not None:
        yield from _broken_by_weight(proposal.weight_grams)
    yield from _broken_by_text("description", proposal.description, LONGEST_NOTE)
    yield from _broken_by_text("remarks", proposal.remarks, LONGEST_NOTE)
    yield from _broken_by_text("location", proposal.location, LONGEST_LOCATION)
    if "\n" in proposal.location:
        yield Violation("location", "must be one line")
    yield from _broken_by_tags(proposal.tags)


def _broken_by_item(item: ProposedItem) -> Iterator[Violation]:
    if item.type is None:
        yield Violation("item.type", "is required")
    if not 1 <= len(item.number) <= LONGEST_ITEM_NUMBER:
        yield Violation("item.number", f"must have 1 to {LONGEST_ITEM_NUMBER} characters")
    elif _BLANK.search(item.number) or has_markup(item.number):
        yield Violation("item.number", "must be a catalogue number, without blanks and markup")
    elif item.type is ItemType.SET and not _SET_VARIANT.fullmatch(item.number):
        yield Violation("item.number", "must carry the set's variant, as in 75192-1")
    if item.color_id not in color_names():
        yield Violation("item.color_id", "is not a BrickLink colour")
    elif item.color_id != NO_COLOR and item.type is not None and item.type not in _COLORED_TYPES:
        yield Violation("item.color_id", f"must be {NO_COLOR}: items of type {item.type} have no colour")
    if item.condition is None:
        yield Violation("item.condition", "is required")
    if item.type is ItemType.SET and item.completeness is None:
        yield Violation("item.completeness", "is required for sets")
    if item.type not in {ItemType.SET, None} and item.completeness is not None:
        yield Violation("item.completeness", "is for sets only")


def _broken_by_grade(proposal: Proposal) -> Iterator[Violation]:
    if proposal.used_grade is None:
        return
    if proposal.item.type is ItemType.SET or proposal.item.condition is Condition.NEW:
        yield Violation("used_grade", "is for used items other than sets only")


def _broken_by_prices(proposal: Proposal, currency: str | None) -> Iterator[Violation]:
    if proposal.unit_price is None:
        yield Violation("unit_price", "is required")
    else:
        yield from _broken_by_price("unit_price", proposal.unit_price, currency)
    if not 0 <= proposal.sale_percent <= HIGHEST_SALE_PERCENT:
        yield Violation("sale_percent", f"must be 0 to {HIGHEST_SALE_PERCENT}")
    if len(proposal.tiers) > MOST_TIERS:
        yield Violation("tiers", f"must be {MOST_TIERS} at most")
    for number, tier in enumerate(proposal.tiers):
        yield from _broken_by_tier(number, tier, proposal, currency)
    if proposal.bulk < 1:
        yield Violation("bulk", "must be at least 1")
    if proposal.cost is not None:
        yield from _broken_by_amount("cost", proposal.cost, currency, lowest=Decimal(0), highest=LARGEST_AMOUNT)


def _broken_by_tier(number: int, tier: ProposedTier, proposal: Proposal, currency: str | None) -> Iterator[Violation]:
    before = proposal.tiers[number - 1] if number else None
    if not 1 <= tier.quantity <= MOST_PIECES:
        yield Violation(f"tiers[{number}].quantity", f"must be 1 to {MOST_PIECES:,}")
    elif before is not None and tier.quantity <= before.quantity:
        yield Violation(f"tiers[{number}].quantity", "must rise from tier to tier")
    name = f"tiers[{number}].unit_price"
    if tier.unit_price is None:
        yield Violation(name, "is required")
        return
    yield from _broken_by_price(name, tier.unit_price, currency)
    if proposal.unit_price is not None and tier.unit_price.amount >= proposal.unit_price.amount:
        yield Violation(name, "must be below the lot's unit price")
    elif before is not None and before.unit_price is not None and tier.unit_price.amount >= before.unit_price.amount:
        yield Violation(name, "must fall from tier to tier")


def _broken_by_price(name: str, price: Money, currency: str | None) -> Iterator[Violation]:
    yield from _broken_by_amount(name, price, currency, lowest=LOWEST_PRICE, highest=HIGHEST_PRICE)


def _broken_by_amount(
    name: str, money: Money, currency: str | None, *, lowest: Decimal, highest: Decimal
) -> Iterator[Violation]:
    if not _CURRENCY.fullmatch(money.currency):
        yield Violation(name, "must name its currency by three capital letters, such as EUR")
    elif currency is not None and money.currency != currency:
        yield Violation(name, f"must be in {currency}, the seller's currency, not in {money.currency}")
    elif not lowest <= money.amount <= highest:
        yield Violation(name, f"must be {lowest} to {highest:,}")
    elif places_of(money.amount) > PLACES:
        yield Violation(name, f"must have {PLACES} decimal places at most")


def _broken_by_weight(weight: Decimal) -> Iterator[Violation]:
    if not 0 < weight <= LARGEST_AMOUNT:
        yield Violation("weight_grams", f"must be above 0 and at most {LARGEST_AMOUNT:,}")
    elif places_of(weight) > PLACES:
        yield Violation("weight_grams", f"must have {PLACES} decimal places at most")


def _broken_by_text(name: str, text: str, longest: int) -> Iterator[Violation]:
    if len(text) > longest:
        yield Violation(name, f"must have {longest} characters at most")
    elif has_markup(text):
        yield Violation(name, "must be plain text, without markup")


def _broken_by_tags(tags: tuple[str, ...]) -> Iterator[Violation]:
    if len(tags) > MOST_TAGS:
        yield Violation("tags", f"must be {MOST_TAGS} at most")
    for number, tag in enumerate(tags):
        if not 1 <= len(tag) <= LONGEST_TAG or _BLANK.search(tag) or has_markup(tag):
            yield Violation(f"tags[{number}]", f"must be one word of 1 to {LONGEST_TAG} characters")
        elif tag in tags[:number]:
            yield Violation(f"tags[{number}]", "is there twice")


def _accepted(proposal: Proposal) -> LotFields:
    item, price = proposal.item, proposal.unit_price
    if item.type is None or item.condition is None or price is None:
        raise AssertionError("a proposal without these breaks a rule")
    tiers = tuple(Tier(tier.quantity, tier.unit_price.amount) for tier in proposal.tiers if tier.unit_price is not None)
    accepted_item = Item(
        type=item.type,
        number=item.number,
        color_id=item.color_id,
        condition=item.condition,
        completeness=item.completeness,
    )
    return LotFields(
        item=accepted_item,
        used_grade=proposal.used_grade,
        quantity=proposal.quantity,
        reserved=proposal.reserved,
        currency=price.currency,
        unit_price=price.amount,
        sale_percent=proposal.sale_percent,
        tiers=tiers,
        bulk=proposal.bulk,
        cost=None if proposal.cost is None else proposal.cost.amount,
        description=proposal.description,
        remarks=proposal.remarks,
        stockroom=proposal.stockroom,
        retain=proposal.retain,
        weight_grams=proposal.weight_grams,
        location=proposal.location,
        tags=proposal.tags,
    )
