"""BrickLink's mass-upload XML (`formats.md` section 2): root INVENTORY, one ITEM per lot, tags in any order.

The whole file is read before anything is believed: a truncated one, another root, a DTD or an entity refuse it all.
Then each row gets its own verdict.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, TypeVar
from xml.sax import SAXParseException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl, Locator

from defusedxml.common import DefusedXmlException
from defusedxml.sax import parseString

from inventory.domain.errors import InvalidLot, Violation
from inventory.domain.lot import MOST_PIECES, Completeness, Condition, ItemType, Stockroom
from inventory.domain.money import Money, read_decimal
from inventory.domain.rules import Proposal, ProposedItem, ProposedTier, check
from inventory.imports.operation import CheckedRow

MOST_ROWS: Final = 100_000

W = TypeVar("W")

_ITEM_TYPES: Final = {
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
_CONDITIONS: Final = {"N": Condition.NEW, "U": Condition.USED}
# The letter of incomplete is I here, but B in BrickLink's API; M is an old word for sealed (formats.md section 1).
_COMPLETENESS: Final = {
    "C": Completeness.COMPLETE,
    "I": Completeness.INCOMPLETE,
    "S": Completeness.SEALED,
    "M": Completeness.SEALED,
}
_YES_OR_NO: Final = {"Y": True, "N": False}
_STOCKROOMS: Final = {stockroom.value: stockroom for stockroom in Stockroom}

_TAG_OF: Final = {
    "item.type": "ITEMTYPE",
    "item.number": "ITEMID",
    "item.color_id": "COLOR",
    "item.condition": "CONDITION",
    "item.completeness": "SUBCONDITION",
    "quantity": "QTY",
    "unit_price": "PRICE",
    "sale_percent": "SALE",
    "bulk": "BULK",
    "cost": "MYCOST",
    "weight_grams": "MYWEIGHT",
    "description": "DESCRIPTION",
    "remarks": "REMARKS",
    "retain": "RETAIN",
    "is_in_stockroom": "STOCKROOM",
    "stockroom": "STOCKROOMID",
}
_TIER_SLOTS: Final = (1, 2, 3)
_INTEGER: Final = re.compile(r"[0-9]{1,9}")
_WITH_COMMAS: Final = re.compile(r"[0-9]{1,3}(,[0-9]{3})+")


class FileRefused(Exception):
    """The file as a whole cannot be taken; the text says why, and where."""


def read_rows(content: bytes, *, currency: str) -> list[CheckedRow]:
    """Every row with its verdict. Prices are in `currency`, which is the seller's. Raises FileRefused."""
    handler = _Rows(currency)
    try:
        parseString(content, handler, forbid_dtd=True)
    except DefusedXmlException:
        raise FileRefused("must not hold a document type or entities") from None
    except SAXParseException as error:
        raise FileRefused(
            f"is not whole, well-formed XML: {error.getMessage()} at line {error.getLineNumber()}"
        ) from None
    if not handler.rows:
        raise FileRefused("holds no ITEM")
    return handler.rows


@dataclass(slots=True)
class _Row:
    """An ITEM as it stands in the file."""

    line: int
    tags: dict[str, str] = field(default_factory=dict)
    fault: tuple[str, str] | None = None


class _Rows(ContentHandler):
    """Takes the file's elements one by one, and judges each row as soon as it is whole."""

    def __init__(self, currency: str) -> None:
        super().__init__()
        self.rows: list[CheckedRow] = []
        self._currency = currency
        self._path: list[str] = []
        self._row = _Row(0)
        self._text: list[str] = []
        self._locator: Locator | None = None

    def setDocumentLocator(self, locator: Locator) -> None:  # noqa: N802 - SAX's name
        self._locator = locator

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802 - SAX's name
        line = self._locator.getLineNumber() or 0 if self._locator else 0
        match len(self._path):
            case 0 if name != "INVENTORY":
                raise FileRefused(f"has the root {name[:50]}, not INVENTORY")
            case 1 if name != "ITEM":
                raise FileRefused(f"holds {name[:50]} at line {line}, where only ITEM may be")
            case 1 if len(self.rows) == MOST_ROWS:
                raise FileRefused(f"has more than {MOST_ROWS:,} rows")
            case 1:
                self._row = _Row(line)
            case 2:
                self._text = []
            case 3:
                self._row.fault = (self._path[2], "holds other elements")
        self._path.append(name)

    def characters(self, content: str) -> None:
        self._text.append(content)

    def endElement(self, name: str) -> None:  # noqa: N802 - SAX's name
        self._path.pop()
        match len(self._path):
            case 1:
                self.rows.append(_judged(self._row, len(self.rows) + 1, self._currency))
            case 2 if name in self._row.tags:
                self._row.fault = (name, "is there twice")
            case 2:
                self._row.tags[name] = "".join(self._text)


def _judged(row: _Row, number: int, currency: str) -> CheckedRow:
    if (fault := row.fault or next(_faults(row.tags, currency), None)) is not None:
        tag, reason = fault
        return CheckedRow(number=number, line=row.line, field=tag[:50], reason=reason)
    reader = _Reader(row.tags)
    slots = [slot for slot in _TIER_SLOTS if reader.has_tier(slot)]
    try:
        return CheckedRow(number=number, line=row.line, lot=check(reader.proposal(currency, slots), currency=currency))
    except InvalidLot as refusal:
        told = {_tag_of(violation.field, slots): violation.rule for violation in refusal.violations}
        tag = min(told, key=_place_of)
        return CheckedRow(number=number, line=row.line, field=tag, reason=told[tag])


def _faults(tags: Mapping[str, str], currency: str) -> Iterator[tuple[str, str]]:
    """What makes a row no new lot of this seller, whatever else it says."""

    def said(tag: str) -> str:
        return tags.get(tag, "").strip()

    if "DELETE" in tags:
        yield "DELETE", "asks to delete a lot; only files that add lots can be imported"
    if said("LOTID") and "ITEMID" not in tags:
        yield "LOTID", "names a lot to change; only files that add lots can be imported"
    if "MINQTY" in tags and "QTY" not in tags:
        yield "QTY", "is missing; with MINQTY this looks like a wanted list"
    if "ITEMID" in tags and not said("ITEMID"):
        yield "ITEMID", "is empty; custom lots outside of the catalogue cannot be imported"
    for tag in ("BUYERUSERNAME", "RESERVE"):
        if said(tag):
            yield tag, "reserves the lot for a member, which would be lost: it would be for sale to all"
    if said("BASECURRENCYCODE") not in {"", currency}:
        yield "BASECURRENCYCODE", f"must be {currency}, the currency of this import"
    if said("QTY").startswith(("+", "-")):
        yield "QTY", "has a sign, as in files that change lots; only files that add lots can be imported"


class _Reader:
    """Reads a row's tags as values and notes those that are none."""

    def __init__(self, tags: Mapping[str, str]) -> None:
        self._tags = tags
        self._unreadable: list[Violation] = []

    def has_tier(self, slot: int) -> bool:
        """Whether this one of the three tiers is used; unused ones are written as zeros."""
        return any(self._said(f"{letters}{slot}").strip("0.") for letters in ("TQ", "TP"))

    def proposal(self, currency: str, slots: list[int]) -> Proposal:
        """The row as a proposed lot."""
        return Proposal(
            item=ProposedItem(
                type=self._word("item.type", _ITEM_TYPES),
                number=self._said("ITEMID"),
                color_id=self._integer("item.color_id", 0),
                condition=self._word("item.condition", _CONDITIONS),
                completeness=self._word("item.completeness", _COMPLETENESS),
            ),
            quantity=self._quantity(),
            unit_price=self._money("unit_price", currency),
            sale_percent=self._integer("sale_percent", 0),
            tiers=tuple(self._tier(place, slot, currency) for place, slot in enumerate(slots)),
            bulk=self._integer("bulk", 1),
            cost=self._above_zero(self._money("cost", currency)),
            description=self._note("DESCRIPTION"),
            remarks=self._note("REMARKS"),
            stockroom=self._stockroom(),
            retain=self._word("retain", _YES_OR_NO) or False,
            weight_grams=self._decimal("weight_grams", "MYWEIGHT") or None,
            unreadable=tuple(self._unreadable),
        )

    def _said(self, tag: str) -> str:
        return self._tags.get(tag, "").strip()

    def _note(self, tag: str) -> str:
        # The site has escaped these twice in some periods (formats.md section 2).
        return self._tags.get(tag, "").replace("&lt;", "<").replace("&gt;", ">")

    def _word(self, name: str, words: Mapping[str, W]) -> W | None:
        letter = self._said(_TAG_OF[name]).upper()
        if letter and letter not in words:
            self._unreadable.append(Violation(name, f"must be one of {', '.join(words)}"))
        return words.get(letter)

    def _stockroom(self) -> Stockroom | None:
        if not self._word("is_in_stockroom", _YES_OR_NO):
            return None
        return self._word("stockroom", _STOCKROOMS) or Stockroom.A

    def _quantity(self) -> int:
        said = self._said("QTY")
        if _WITH_COMMAS.fullmatch(said):
            said = said.replace(",", "")
        if not _INTEGER.fullmatch(said) or int(said) == 0:
            self._unreadable.append(Violation("quantity", f"must be a whole number from 1 to {MOST_PIECES:,}"))
            return 0
        return int(said)

    def _integer(self, name: str, default: int, tag: str = "") -> int:
        said = self._said(tag or _TAG_OF[name])
        if said and not _INTEGER.fullmatch(said):
            self._unreadable.append(Violation(name, "must be a whole number"))
            return default
        return int(said) if said else default

    def _decimal(self, name: str, tag: str) -> Decimal | None:
        said = self._said(tag)
        if not said:
            return None
        try:
            return read_decimal(said)
        except ValueError as error:
            self._unreadable.append(Violation(name, str(error)))
            return None

    def _money(self, name: str, currency: str, tag: str = "") -> Money | None:
        amount = self._decimal(name, tag or _TAG_OF[name])
        return None if amount is None else Money(amount, currency)

    def _above_zero(self, cost: Money | None) -> Money | None:
        """A cost of 0 is how a file says that it is not known (formats.md section 2)."""
        return None if cost is None or cost.amount == 0 else cost

    def _tier(self, place: int, slot: int, currency: str) -> ProposedTier:
        name = f"tiers[{place}]"
        quantity = self._integer(f"{name}.quantity", 0, f"TQ{slot}")
        return ProposedTier(quantity, self._money(f"{name}.unit_price", currency, f"TP{slot}"))


def _tag_of(name: str, slots: list[int]) -> str:
    if name in _TAG_OF:
        return _TAG_OF[name]
    place = int(name[len("tiers[")])
    return f"{'TQ' if name.endswith('quantity') else 'TP'}{slots[place]}"


def _place_of(tag: str) -> int:
    """The order in which a row's faults are told: first what it is, then how many, then the rest."""
    order = list(_TAG_OF.values())
    return order.index(tag) if tag in order else len(order)
