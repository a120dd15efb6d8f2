"""A file of items as XML, read safely: what each dialect (BrickLink's upload XML, BSX) then judges item by item.

The whole file is read before anything is believed: a truncated one, another root, entities and every document type but
the bare one that a dialect's programs write refuse it all.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Final
from xml.sax import SAXParseException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl, Locator

from defusedxml.common import DefusedXmlException
from defusedxml.expatreader import DefusedExpatParser

from inventory.imports.operation import CheckedRow

MOST_ROWS: Final = 100_000


class FileRefused(Exception):
    """The file as a whole cannot be taken; the text says why, and where."""


@dataclass(slots=True)
class ItemElement:
    """An item as it stands in the file."""

    line: int
    tags: dict[str, str] = field(default_factory=dict)
    """The text of each element in it."""
    fault: tuple[str, str] | None = None
    """The element that is no plain text, or there twice, and the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What a kind of file looks like, and who judges its items."""

    format: str
    """As ImportFormat in `import.proto` calls it."""
    title: str
    """For people."""
    roots: Sequence[str]
    path: Sequence[str]
    """The elements from below the root down to the item."""
    judge: Callable[[ItemElement, int, str], CheckedRow]
    """The verdict on an item, given its number and the currency of the import."""
    known: Mapping[str, str] | None = None
    """The tags that are read, if others are to be passed over; None refuses elements that do not belong there."""
    currency_attribute: str = ""
    """Where the element around the items names the currency, if it may."""
    has_bare_document_type: bool = False
    """Whether its programs write a document type that names the root and nothing else."""


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file that was read to its end."""

    format: str
    rows: list[CheckedRow]


def read_items(content: bytes, dialects: Sequence[Dialect], *, currency: str) -> ReadFile:
    """Every item with its verdict; the root says which dialect it is. Raises FileRefused."""
    handler = _Items(dialects, currency)
    bare = {root for dialect in dialects if dialect.has_bare_document_type for root in dialect.roots}
    parser = _Parser(bare)
    parser.setContentHandler(handler)
    try:
        parser.parse(BytesIO(content))
    except DefusedXmlException:
        raise FileRefused("must not hold a document type or entities") from None
    except SAXParseException as error:
        raise FileRefused(
            f"is not whole, well-formed XML: {error.getMessage()} at line {error.getLineNumber()}"
        ) from None
    if not handler.rows:
        raise FileRefused(f"holds no {handler.dialect.path[-1]}")
    return ReadFile(handler.dialect.format, handler.rows)


class _Parser(DefusedExpatParser):
    """Refuses document types but those that name a root and nothing else: no subset, nothing to fetch, no entities."""

    def __init__(self, bare: set[str]) -> None:
        super().__init__(forbid_dtd=True)
        self._bare = bare

    def defused_start_doctype_decl(
        self, name: str, sysid: str | None, pubid: str | None, has_internal_subset: bool
    ) -> None:
        if name not in self._bare or sysid or pubid or has_internal_subset:
            super().defused_start_doctype_decl(name, sysid, pubid, has_internal_subset)


class _Items(ContentHandler):
    """Takes the file's elements one by one, and judges each item as soon as it is whole."""

    dialect: Dialect

    def __init__(self, dialects: Sequence[Dialect], currency: str) -> None:
        super().__init__()
        self.rows: list[CheckedRow] = []
        self._dialects = dialects
        self._currency = currency
        self._path: list[str] = []
        self._passed_over = 0
        self._item = ItemElement(0)
        self._text: list[str] = []
        self._locator: Locator | None = None

    def setDocumentLocator(self, locator: Locator) -> None:  # noqa: N802 - SAX's name
        self._locator = locator

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802 - SAX's name
        depth = len(self._path)
        if depth == 0:
            self.dialect = self._dialect_of(name)
        elif self._passed_over or not self._belongs(name, depth):
            self._passed_over += 1
            return
        elif depth == len(self.dialect.path):
            if len(self.rows) == MOST_ROWS:
                raise FileRefused(f"has more than {MOST_ROWS:,} rows")
            self._item = ItemElement(self._line())
        elif depth == len(self.dialect.path) + 1:
            self._text = []
        elif depth > len(self.dialect.path) + 1:
            self._item.fault = (self._path[len(self.dialect.path) + 1], "holds other elements")
        else:
            self._check_currency(attrs)
        self._path.append(name)

    def characters(self, content: str) -> None:
        if not self._passed_over:
            self._text.append(content)

    def endElement(self, name: str) -> None:  # noqa: N802 - SAX's name
        if self._passed_over:
            self._passed_over -= 1
            return
        self._path.pop()
        depth = len(self._path)
        if depth == len(self.dialect.path):
            self.rows.append(self.dialect.judge(self._item, len(self.rows) + 1, self._currency))
        elif depth == len(self.dialect.path) + 1:
            if name in self._item.tags:
                self._item.fault = (name, "is there twice")
            else:
                self._item.tags[name] = "".join(self._text)

    def _dialect_of(self, root: str) -> Dialect:
        for dialect in self._dialects:
            if root in dialect.roots:
                return dialect
        known = " or ".join(f"{dialect.roots[0]} ({dialect.title})" for dialect in self._dialects)
        raise FileRefused(f"has the root {root[:50]}, not {known}")

    def _belongs(self, name: str, depth: int) -> bool:
        """Whether an element is read; raises FileRefused where no other one may be."""
        if depth <= len(self.dialect.path):
            wanted = self.dialect.path[depth - 1]
            if name != wanted and self.dialect.known is None:
                raise FileRefused(f"holds {name[:50]} at line {self._line()}, where only {wanted} may be")
            return name == wanted
        return depth > len(self.dialect.path) + 1 or self.dialect.known is None or name in self.dialect.known

    def _check_currency(self, attrs: AttributesImpl) -> None:
        said = attrs.get(self.dialect.currency_attribute, "") if self.dialect.currency_attribute else ""
        if said not in {"", self._currency}:
            raise FileRefused(f"says that its prices are in {said[:50]}, not in {self._currency} as this import's")

    def _line(self) -> int:
        return self._locator.getLineNumber() or 0 if self._locator else 0


def first_fault(item: ItemElement, faults: Iterator[tuple[str, str]]) -> tuple[str, str] | None:
    """What makes an item no lot, whatever else it says: its form first, then these."""
    return item.fault or next(faults, None)
