"""An import from a shop (rule S7): no file's rows, but listings that no lot owned when the shop was last read."""

from collections.abc import Sequence
from datetime import UTC
from typing import Final

from google.protobuf.json_format import MessageToJson, Parse

from brickops.inventory.v1 import import_pb2
from inventory.api.translate import proposal_from_proto
from inventory.domain.errors import InvalidLot
from inventory.domain.linking import ALWAYS_SHOWN
from inventory.domain.money import PLACES
from inventory.domain.rules import check
from inventory.imports.dialect import Dialect
from inventory.imports.operation import CheckedRow, Row

_COMPARED: Final = ALWAYS_SHOWN | {"used_grade", "weight_grams"}
_LISTING: Final = "listing"
_ITEM: Final = "item"


def rows_of(listings: Sequence[import_pb2.ShopListing]) -> list[Row]:
    """Listings as rows that nobody has judged yet."""
    return [Row(0, {_LISTING: MessageToJson(listing, indent=None)}) for listing in listings]


def _judge(row: Row, number: int, currency: str) -> CheckedRow:
    """The verdict on a listing by a lot's own rules; of several faults the first by name is told."""
    told = Parse(row.tags[_LISTING], import_pb2.ShopListing())

    def refused(field: str, reason: str) -> CheckedRow:
        return CheckedRow(number=number, line=row.line, field=field[:50], reason=reason, listing_id=told.listing_id)

    if told.unmapped_field == _ITEM:
        return refused(_ITEM, "is not known by a number, condition and colour of ours: make the lot by hand")
    if told.unmapped_field:
        return refused(told.unmapped_field, "shows what no lot can hold")
    if not told.HasField("read_at"):
        return refused("read_at", "is not known: have the shop compared, then import it again")
    if told.lot.quantity == 0 and not told.lot.retain:
        return refused("quantity", "is 0 and the listing is not kept at zero: of a lot like that it would be removed")
    try:
        lot = check(proposal_from_proto(told.lot, is_new=True), currency=currency)
    except InvalidLot as refusal:
        return refused(refusal.violations[0].field, refusal.violations[0].rule)
    return CheckedRow(
        number=number,
        line=row.line,
        lot=lot,
        listing_id=told.listing_id,
        counted_at=told.read_at.ToDatetime(tzinfo=UTC),
        known_as=told.external_id,
        shown=sorted(_COMPARED.intersection(told.shown_fields) if told.shown_fields else ALWAYS_SHOWN),
        places=min(told.price_places or PLACES, PLACES),
    )


DIALECT: Final = Dialect(format="SHOP", judge=_judge, fields=frozenset())
