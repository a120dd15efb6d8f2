"""What becomes of each lot in an edit of many: decided lot by lot, by the rules that an edit of one keeps."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Final

from inventory.domain.changes import Difference
from inventory.domain.colors import NO_COLOR
from inventory.domain.errors import InvalidFields, InvalidLot, Violation
from inventory.domain.lot import Condition, Item, ItemType, Lot, LotFields, Stockroom
from inventory.domain.money import PLACES, Money
from inventory.domain.rules import Proposal, ProposedTier, check, proposal_of
from inventory.domain.text import normal_form

LOWEST_PERCENT: Final = Decimal(-100)
HIGHEST_PERCENT: Final = Decimal(10_000)
"""No rule of a lot: a hundred times the price is a slip of the finger."""


class Rounding(StrEnum):
    """How an amount that falls between two is rounded."""

    NEAREST = "NEAREST"
    UP = "UP"
    DOWN = "DOWN"


_HOW: Final = {Rounding.NEAREST: ROUND_HALF_UP, Rounding.UP: ROUND_CEILING, Rounding.DOWN: ROUND_FLOOR}


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceEdit:
    """What becomes of a price: one of the first three. By per cent the tiers change with it."""

    set: Money | None = None
    by_amount: Decimal | None = None
    by_percent: Decimal | None = None
    places: int = 2
    """Decimal places of a price that was reckoned."""
    rounding: Rounding = Rounding.NEAREST


@dataclass(frozen=True, slots=True, kw_only=True)
class LotEdit:
    """What becomes of each lot; None and what is empty leave it as it is."""

    price: PriceEdit | None = None
    description: str | None = None
    remarks: str | None = None
    location: str | None = None
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    stockroom: Stockroom | None = None
    sets_stockroom: bool = False
    """Whether the stockroom is meant; None is then for sale."""
    archived: bool | None = None


def check_edit(said: LotEdit, currency: str | None) -> LotEdit:
    """The edit with its tags in their normal form, if some lot could take it. Raises InvalidFields, under `edit`.

    `currency` is the seller's; None before their first price.
    """
    edit = replace(
        said,
        add_tags=tuple(dict.fromkeys(normal_form(tag) for tag in said.add_tags)),
        remove_tags=tuple(dict.fromkeys(normal_form(tag) for tag in said.remove_tags)),
    )
    if broken := [*_broken(edit), *_broken_by_any_lot(edit, currency)]:
        raise InvalidFields([Violation(f"edit{violation.field}", violation.rule) for violation in broken])
    return edit


def _broken(edit: LotEdit) -> Iterator[Violation]:
    if edit == LotEdit():
        yield Violation("", "must change something")
    for number, tag in enumerate(edit.remove_tags):
        if tag in edit.add_tags:
            yield Violation(f".remove_tags[{number}]", "is to be added too")
    if edit.price is None:
        return
    said = [how for how in (edit.price.set, edit.price.by_amount, edit.price.by_percent) if how is not None]
    if len(said) != 1:
        yield Violation(".price", "must say one of set, by_amount and by_percent")
    percent = edit.price.by_percent
    if percent is not None and not LOWEST_PERCENT < percent <= HIGHEST_PERCENT:
        yield Violation(".price.by_percent", f"must be above {LOWEST_PERCENT} and at most {HIGHEST_PERCENT:,}")
    if not 0 <= edit.price.places <= PLACES:
        yield Violation(".price.places", f"must be 0 to {PLACES}")


def _broken_by_any_lot(edit: LotEdit, currency: str | None) -> Iterator[Violation]:
    """What no lot could take: a reckoned price depends on the lot, all else is tried on the plainest one."""
    price = edit.price if edit.price and edit.price.set else None
    plainest = LotFields(item=_PLAINEST, currency=currency or _ANY_CURRENCY, unit_price=Decimal(1))
    try:
        check(_proposed(replace(edit, price=price), plainest), currency=currency)
    except InvalidLot as refusal:
        for violation in refusal.violations:
            if violation.field in _NAMES:
                yield Violation(_NAMES[violation.field], violation.rule)
            elif violation.field.startswith("tags"):
                yield Violation(violation.field.replace("tags", ".add_tags"), violation.rule)


_ANY_CURRENCY: Final = "XXX"
"""ISO 4217's code for no currency."""
_PLAINEST: Final = Item(type=ItemType.PART, number="1", color_id=NO_COLOR, condition=Condition.NEW)
_NAMES: Final = {"unit_price": ".price.set"} | {name: f".{name}" for name in ("description", "remarks", "location")}


def edited(lot: Lot, edit: LotEdit, now: datetime) -> list[tuple[Lot, Difference]]:
    """What the edit does to a lot, step by step; empty if the lot is so already. Raises InvalidLot."""
    said = check(_proposed(edit, lot), currency=lot.currency, quantity_is_new=False)
    steps = [lot.update(said, now)]
    if edit.archived is not None:
        lot = steps[0][0]
        steps.append(lot.archive(now) if edit.archived else lot.restore(now))
    return [(after, difference) for after, difference in steps if difference]


def _proposed(edit: LotEdit, lot: LotFields) -> Proposal:
    own = proposal_of(lot)
    kept = [tag for tag in own.tags if tag not in edit.remove_tags]
    proposed = replace(
        own,
        description=own.description if edit.description is None else edit.description,
        remarks=own.remarks if edit.remarks is None else edit.remarks,
        location=own.location if edit.location is None else edit.location,
        tags=(*kept, *(tag for tag in edit.add_tags if tag not in kept)),
        stockroom=edit.stockroom if edit.sets_stockroom else own.stockroom,
    )
    return proposed if edit.price is None else _priced(edit.price, lot, proposed)


def _priced(edit: PriceEdit, lot: LotFields, proposed: Proposal) -> Proposal:
    if edit.set is not None:
        return replace(proposed, unit_price=edit.set)
    if edit.by_amount is not None:
        amount = _rounded(lot.unit_price + edit.by_amount, edit)
        return replace(proposed, unit_price=Money(amount, lot.currency))
    factor = 1 + (edit.by_percent or Decimal(0)) / 100
    return replace(
        proposed,
        unit_price=Money(_rounded(lot.unit_price * factor, edit), lot.currency),
        tiers=tuple(
            ProposedTier(tier.quantity, Money(_rounded(tier.unit_price * factor, edit), lot.currency))
            for tier in lot.tiers
        ),
    )


def _rounded(amount: Decimal, edit: PriceEdit) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-edit.places), rounding=_HOW[edit.rounding])
