"""What an export may be asked for."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from gateway.lots.models import Condition, ItemType


class ExportFormat(StrEnum):
    """The kind of an exported file."""

    CSV = "csv"
    JSON = "json"
    BRICKLINK_XML = "bricklink_xml"
    BSX = "bsx"


class ExportQuery(BaseModel):
    """Which lots, and how. Unknown parameters are refused: a misspelt filter must not be a filter left out."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    format: ExportFormat = Field(
        description="`csv` for spreadsheets; `json` with every field, as this API has them; `bricklink_xml` to upload, "
        "without lots that have no pieces; `bsx` for BrickStore and BrickSync. The latter two leave out archived lots."
    )
    include_archived: bool = Field(default=False, description="Whether archived lots are written too (csv, json).")
    with_pieces_only: bool = Field(default=False, description="Only lots that have pieces for sale.")
    item_type: ItemType | None = Field(default=None, description="Only lots of this type.")
    condition: Condition | None = Field(default=None, description="Only lots of this condition.")
