"""Lists of lots on the wire: the filter, the order, and the token of a page.

A token holds where its page ended, and a mark of the filter and the order that it was given for: used with others it
would skip lots and repeat some, so it is refused. It holds nothing secret and is read as what it is, text from outside.
"""

import base64
import json
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar

from brickops.inventory.v1 import inventory_service_pb2 as pb
from brickops.inventory.v1 import lot_filter_pb2, lot_pb2, lot_sync_pb2
from inventory.api.pages import size_of
from inventory.api.translate import Reader, word_of
from inventory.domain.errors import InvalidFields, Violation
from inventory.domain.lot import Availability, Condition, ItemType
from inventory.domain.lot_filter import InShop, LotColumn, LotFilter, LotOrder, check_filter
from inventory.domain.sync_status import SyncState
from inventory.ids import is_id
from inventory.storage.lot_pages import SORT_KEYS, Place, PlacedLot
from servicekit.grpc_errors import InvalidField

if TYPE_CHECKING:
    from google.protobuf.internal.enum_type_wrapper import _EnumTypeWrapper

W = TypeVar("W", bound=StrEnum)
V = TypeVar("V", bound=int)

_PREFIX: Final = "filter."


def filter_from_proto(
    said: lot_filter_pb2.LotFilter, marketplaces: Sequence[str], *, include_archived: bool = False
) -> LotFilter:
    """Which lots are asked for. Raises InvalidFields, each field under `filter`."""
    reader = Reader()
    wanted = LotFilter(
        item_types=frozenset(_words(reader, "item_types", ItemType, lot_pb2.ItemType, said.item_types)),
        item_number=said.item_number,
        color_ids=frozenset(said.color_ids),
        condition=reader.word("condition", Condition, lot_pb2.Condition, said.condition),
        location=said.location if said.HasField("location") else None,
        tags=tuple(said.tags),
        text=said.text,
        price_from=reader.decimal("price_from", said.price_from) if said.HasField("price_from") else None,
        price_to=reader.decimal("price_to", said.price_to) if said.HasField("price_to") else None,
        quantity_from=said.quantity_from if said.HasField("quantity_from") else None,
        quantity_to=said.quantity_to if said.HasField("quantity_to") else None,
        archived=_archived(reader, said, include_archived=include_archived or said.include_archived),
        availabilities=frozenset(
            _words(reader, "availabilities", Availability, lot_pb2.Availability, said.availabilities)
        ),
        sync=tuple(
            InShop(
                marketplace=one.marketplace,
                states=frozenset(
                    _words(reader, f"sync[{number}].states", SyncState, lot_sync_pb2.SyncState, one.states)
                ),
            )
            for number, one in enumerate(said.sync)
        ),
    )
    broken = list(reader.unreadable)
    try:
        checked = check_filter(wanted, marketplaces)
    except InvalidFields as refusal:
        unreadable = {violation.field for violation in broken}
        broken += [violation for violation in refusal.violations if violation.field not in unreadable]
    if broken:
        raise InvalidFields([Violation(_PREFIX + violation.field, violation.rule) for violation in broken])
    return checked


def _words(
    reader: Reader, field: str, words: type[W], proto: "_EnumTypeWrapper[V]", values: Iterable[V]
) -> Iterable[W]:
    for number, value in enumerate(values):
        word = reader.word(f"{field}[{number}]", words, proto, value)
        if word is not None:
            yield word
        elif not value:
            reader.unreadable.append(Violation(f"{field}[{number}]", "is not said"))


def _archived(reader: Reader, said: lot_filter_pb2.LotFilter, *, include_archived: bool) -> bool | None:
    if not said.HasField("archived"):
        return None if include_archived else False
    if include_archived:
        reader.unreadable.append(Violation("include_archived", "cannot be said together with archived"))
    return said.archived


def order_from_proto(request: pb.ListLotsRequest) -> LotOrder:
    """In which order lots are asked for. Raises InvalidField."""
    if request.order_by not in lot_filter_pb2.LotColumn.values():
        raise InvalidField("order_by", "is not known")
    column = word_of(LotColumn, lot_filter_pb2.LotColumn, request.order_by)
    return LotOrder(column=column, descending=request.descending)


class LotPages:
    """The pages of one list: how many lots one has, and where the next one starts."""

    def __init__(self, size: int, wanted: LotFilter, order: LotOrder) -> None:
        """Raises InvalidField for a size that cannot be."""
        self._size = size_of(size)
        self._order = order
        self._mark = [wanted.fingerprint(), order.column or "", order.descending]

    @property
    def limit(self) -> int:
        """How many lots to read: one more than fit, to know whether there is another page."""
        return self._size + 1

    def place_of(self, token: str) -> Place | None:
        """Where the page before ended; None for the first. Raises InvalidField for what is no token of this list."""
        if not token:
            return None
        try:
            fingerprint, column, descending, key, lot_id = _read(token)
            if [column, descending] != self._mark[1:]:
                raise InvalidField("page_token", "was given for another order; begin with the first page")
            if fingerprint != self._mark[0]:
                raise InvalidField("page_token", "was given for another filter; begin with the first page")
            return Place(None if self._order.column is None else SORT_KEYS[self._order.column].read(key), lot_id)
        except (ValueError, TypeError, RecursionError):
            raise InvalidField("page_token", "is not one that this list gave") from None

    def cut(self, found: Sequence[PlacedLot]) -> tuple[Sequence[PlacedLot], str]:
        """The lots that fit on the page, and the token of the next one, empty if there is none."""
        if len(found) <= self._size:
            return found, ""
        shown = found[: self._size]
        return shown, self._token(shown[-1].place)

    def _token(self, place: Place) -> str:
        key = None if self._order.column is None else SORT_KEYS[self._order.column].write(place.key)
        text = json.dumps([*self._mark, key, place.lot_id], ensure_ascii=False, separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode()


def _read(token: str) -> tuple[object, object, object, object, str]:
    """The parts of a token. Raises ValueError and more for what is none."""
    fingerprint, column, descending, key, lot_id = json.loads(base64.b64decode(token, b"-_", validate=True))
    if type(lot_id) is not str or not is_id(lot_id):
        raise ValueError("is no lot id")
    return fingerprint, column, descending, key, lot_id


def wanted_for_export(request: pb.ExportLotsRequest, marketplaces: Sequence[str]) -> LotFilter:
    """Which lots to export: the filter, and what a request says beside it. Raises InvalidFields."""
    said = lot_filter_pb2.LotFilter()
    said.CopyFrom(request.filter)
    broken = []
    if request.item_type:
        if said.item_types:
            broken.append(Violation("item_type", "is said in the filter too"))
        if request.item_type not in lot_pb2.ItemType.values():
            broken.append(Violation("item_type", "is not known"))
        said.item_types.append(request.item_type)
    if request.condition:
        if said.condition:
            broken.append(Violation("condition", "is said in the filter too"))
        if request.condition not in lot_pb2.Condition.values():
            broken.append(Violation("condition", "is not known"))
        said.condition = request.condition
    if request.with_pieces_only:
        said.quantity_from = max(1, said.quantity_from)
    if broken:
        raise InvalidFields(broken)
    return filter_from_proto(said, marketplaces, include_archived=request.include_archived)
