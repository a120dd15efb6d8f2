"""What an export may be asked for."""

from enum import StrEnum

from pydantic import Field

from gateway.lots.filter import LotFilter


class ExportFormat(StrEnum):
    """The kind of an exported file."""

    CSV = "csv"
    JSON = "json"
    BRICKLINK_XML = "bricklink_xml"
    BSX = "bsx"


class ExportQuery(LotFilter):
    """Which lots, and how."""

    format: ExportFormat = Field(
        description="`csv` for spreadsheets; `json` with every field, as this API has them; `bricklink_xml` to upload, "
        "without lots that have no pieces; `bsx` for BrickStore and BrickSync. The latter two leave out archived lots."
    )
    with_pieces_only: bool = Field(default=False, description="Only lots that have pieces for sale.")
