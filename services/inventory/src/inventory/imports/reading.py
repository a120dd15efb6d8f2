"""A file of any kind, read whole: what it begins with, not its name, says which kind it is."""

from typing import Final

from inventory.imports import bricklink_xml, bsx, csv_rows
from inventory.imports.csv_rows import read_table
from inventory.imports.dialect import Dialect, ReadFile
from inventory.imports.xml_items import read_items

_XML: Final = {dialect.format: dialect for dialect in (bricklink_xml.DIALECT, bsx.DIALECT)}
DIALECTS: Final[dict[str, Dialect]] = {**_XML, csv_rows.DIALECT.format: csv_rows.DIALECT}
"""By format, as ImportFormat in `import.proto` calls it."""
_LOOKED_AT: Final = 1024
_NOT_IN_TEXT: Final = b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"
"""What may stand before the first letter of an XML file, in whatever encoding."""


def read_file(content: bytes, file_format: str, *, currency: str) -> ReadFile:
    """Every row as it stands there; a format that is none of DIALECTS means any. Raises FileRefused."""
    if file_format == csv_rows.DIALECT.format:
        return read_table(content)
    if file_format in _XML:
        return read_items(content, [_XML[file_format]], currency=currency)
    if content[:_LOOKED_AT].lstrip(_NOT_IN_TEXT).startswith(b"<"):
        return read_items(content, list(_XML.values()), currency=currency)
    return read_table(content)
