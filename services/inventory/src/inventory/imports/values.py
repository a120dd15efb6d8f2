"""What the dialects of item files have in common: letters, numbers, the way from a row's text to a lot or a reason."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final, TypeVar

from inventory.domain.errors import InvalidLot, Violation
from inventory.domain.lot import MOST_PIECES, Completeness, Condition, ItemType, Stockroom
from inventory.domain.money import Money, read_decimal
from inventory.domain.rules import Proposal, ProposedTier, check
from inventory.imports.operation import CheckedRow, Row

ITEM_TYPES: Final = {
    "P": ItemType.PART,
    "S": ItemType.SET,
    "M": ItemType.MINIFIG,
    "B": ItemType.BOOK,
    "G": ItemType.GEAR,
    "C": ItemType.CATALOG,
    "I": ItemType.INSTRUCTION,
    "O": ItemType.ORIGINAL_BOX,
    "U": ItemType.UNSORTED_LOT,
}
CONDITIONS: Final = {"N": Condition.NEW, "U": Condition.USED}
# The letter of incomplete is I in files, but B in BrickLink's API; M is an old word for sealed (formats.md section 1).
COMPLETENESS: Final = {
    "C": Completeness.COMPLETE,
    "I": Completeness.INCOMPLETE,
    "S": Completeness.SEALED,
    "M": Completeness.SEALED,
}
STOCKROOMS: Final = {stockroom.value: stockroom for stockroom in Stockroom}
YES_OR_NO: Final = {"Y": True, "N": False}
XML_FIELDS: Final = frozenset(
    {
        "unit_price",
        "sale_percent",
        "tiers",
        "bulk",
        "cost",
        "description",
        "remarks",
        "stockroom",
        "retain",
        "weight_grams",
    }
)
"""What both kinds of XML can say of a lot, besides its item and quantity."""

W = TypeVar("W")

_TIER_SLOTS: Final = (1, 2, 3)
_INTEGER: Final = re.compile(r"[0-9]{1,9}")
_WITH_COMMAS: Final = re.compile(r"[0-9]{1,3}(,[0-9]{3})+")


class Values:
    """Reads a row's tags as values and notes those that are none; `tag_of` names the tag of each field of a lot."""

    def __init__(
        self, tags: Mapping[str, str], tag_of: Mapping[str, str], *, tier_tags: tuple[str, str] = ("TQ{}", "TP{}")
    ) -> None:
        self.unreadable: list[Violation] = []
        self._tags = tags
        self._tag_of = tag_of
        self._tier_tags = tier_tags
        # unused tiers are written as zeros
        self._slots = [
            slot for slot in _TIER_SLOTS if any(self.said(tag.format(slot)).strip("0.") for tag in tier_tags)
        ]

    def said(self, tag: str) -> str:
        """The text of a tag without blanks around it; empty if it is missing."""
        return self._tags.get(tag, "").strip()

    def has(self, tag: str) -> bool:
        """Whether a tag is there, be it empty."""
        return tag in self._tags

    def note(self, tag: str) -> str:
        """A public or private note. BrickLink's site has escaped these twice in some periods (formats.md section 2)."""
        return self._tags.get(tag, "").replace("&lt;", "<").replace("&gt;", ">")

    def word(self, name: str, words: Mapping[str, W], *, absent: str = "") -> W | None:
        """What a letter stands for; None if nothing is said, and for what is none of them."""
        letter = self.said(self._tag_of[name]).upper() or absent
        if letter and letter not in words:
            self.unreadable.append(Violation(name, f"must be one of {', '.join(words)}"))
        return words.get(letter)

    def quantity(self, *, lowest: int, absent: str = "") -> int:
        """Pieces, of which downloads write thousands with a comma."""
        said = _without_commas(self.said(self._tag_of["quantity"])) or absent
        if not _INTEGER.fullmatch(said) or int(said) < lowest:
            self.unreadable.append(Violation("quantity", f"must be a whole number from {lowest} to {MOST_PIECES:,}"))
            return 0
        return int(said)

    def integer(self, name: str, absent: int, *, tag: str = "") -> int:
        """A whole number."""
        said = _without_commas(self.said(tag or self._tag_of[name]))
        if said and not _INTEGER.fullmatch(said):
            self.unreadable.append(Violation(name, "must be a whole number"))
            return absent
        return int(said) if said else absent

    def decimal(self, name: str, *, tag: str = "") -> Decimal | None:
        """A decimal number; None if nothing is said."""
        said = self.said(tag or self._tag_of[name])
        if not said:
            return None
        try:
            return read_decimal(said)
        except ValueError as error:
            self.unreadable.append(Violation(name, str(error)))
            return None

    def money(self, name: str, currency: str, *, tag: str = "") -> Money | None:
        """An amount; None if nothing is said."""
        amount = self.decimal(name, tag=tag)
        return None if amount is None else Money(amount, currency)

    def cost(self, currency: str, *, tag: str = "") -> Money | None:
        """A cost of 0 is how a file says that it is not known (formats.md section 2)."""
        cost = self.money("cost", currency, tag=tag)
        return None if cost is None or cost.amount == 0 else cost

    def tiers(self, currency: str) -> tuple[ProposedTier, ...]:
        """Those of the three tiers that are used."""
        return tuple(self._tier(place, slot, currency) for place, slot in enumerate(self._slots))

    def _tier(self, place: int, slot: int, currency: str) -> ProposedTier:
        name = f"tiers[{place}]"
        quantity_tag, price_tag = (tag.format(slot) for tag in self._tier_tags)
        quantity = self.integer(f"{name}.quantity", 0, tag=quantity_tag)
        return ProposedTier(quantity, self.money(f"{name}.unit_price", currency, tag=price_tag))

    def tag_at_fault(self, name: str) -> str:
        """The tag of a field, also of a tier's."""
        if name in self._tag_of:
            return self._tag_of[name]
        if not name.startswith("tiers["):
            return name
        quantity_tag, price_tag = self._tier_tags
        place = int(name[len("tiers[")])
        return (quantity_tag if name.endswith("quantity") else price_tag).format(self._slots[place])

    def place_of(self, tag: str) -> int:
        """The order in which a row's faults are told: first what it is, then how many, then the rest."""
        order = list(self._tag_of.values())
        return order.index(tag) if tag in order else len(order)


def _without_commas(number: str) -> str:
    return number.replace(",", "") if _WITH_COMMAS.fullmatch(number) else number


def refused(item: Row, number: int, tag: str, reason: str, *, excluded: bool = False) -> CheckedRow:
    """The verdict on an item that becomes no lot; `excluded` if the file itself says so."""
    return CheckedRow(number=number, line=item.line, field=tag[:50], reason=reason, excluded=excluded)


def judged(
    item: Row,
    number: int,
    currency: str,
    values: Values,
    propose: Callable[[Values, str], Proposal],
    *,
    known_as: str,
) -> CheckedRow:
    """The verdict on an item by a lot's own rules; of several faults the first in the dialect's order is told.

    `known_as` is the tag of the lot's id.
    """
    try:
        lot = check(propose(values, currency), currency=currency)
        return CheckedRow(number=number, line=item.line, lot=lot, known_as=values.said(known_as))
    except InvalidLot as refusal:
        told = {values.tag_at_fault(violation.field): violation.rule for violation in refusal.violations}
        tag = min(told, key=values.place_of)
        return refused(item, number, tag, told[tag])
