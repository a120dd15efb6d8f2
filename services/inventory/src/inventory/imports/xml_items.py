"""A file of items as XML, read safely: what each dialect (BrickLink's upload XML, BSX) later judges item by item.

The whole file is read before anything is believed: a truncated one, another root, entities and every document type but
the bare one that a dialect's programs write refuse it all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from xml.sax import SAXParseException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl, Locator

from defusedxml.common import DefusedXmlException
from defusedxml.expatreader import DefusedExpatParser

from inventory.imports.dialect import MOST_ROWS, Dialect, FileRefused, ReadFile
from inventory.imports.operation import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class XmlDialect(Dialect):
    """A kind of XML file."""

    title: str
    """For people."""
    roots: Sequence[str]
    path: Sequence[str]
    """The elements from below the root down to the item."""
    known: Mapping[str, str] | None = None
    """The tags that are read, if others are to be passed over; None refuses elements that do not belong there."""
    currency_attribute: str = ""
    """Where the element around the items names the currency, if it may."""
    has_bare_document_type: bool = False
    """Whether its programs write a document type that names the root and nothing else."""


def read_items(content: bytes, dialects: Sequence[XmlDialect], *, currency: str) -> ReadFile:
    """Every item as it stands there; the root says which dialect it is. Raises FileRefused."""
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
    return ReadFile(handler.dialect, handler.rows, handler.dialect.fields)


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
    """Takes the file's elements one by one."""

    dialect: XmlDialect

    def __init__(self, dialects: Sequence[XmlDialect], currency: str) -> None:
        super().__init__()
        self.rows: list[Row] = []
        self._dialects = dialects
        self._currency = currency
        self._path: list[str] = []
        self._passed_over = 0
        self._item = Row(0)
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
            self._item = Row(self._line())
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
            self.rows.append(self._item)
        elif depth == len(self.dialect.path) + 1:
            if name in self._item.tags:
                self._item.fault = (name, "is there twice")
            else:
                self._item.tags[name] = "".join(self._text)

    def _dialect_of(self, root: str) -> XmlDialect:
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
