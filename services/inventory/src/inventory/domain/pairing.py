"""Which lot each listing of a shop stands for, of those that have no listing there: pure (rules C2, S7, ADR 23).

Named by its external id; equal in all that the shop shows; the only ones left of their item; the only ones of their
price, or of their remarks. What is left on both sides then is ambiguous: a person says which lot is meant.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from inventory.domain.linking import MAY_BE_UNSAID, FieldDifference, Shown, SoldLine, as_shown, differences
from inventory.domain.lot import Item, Lot, LotFields

MOST_CANDIDATES: Final = 20
"""How many lots an ambiguous listing shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A listing that no lot owns."""

    number: int
    """The row's."""
    external_id: str
    shown: Shown

    @property
    def item(self) -> Item:
        """What it is of."""
        return self.shown.said.item


@dataclass(frozen=True, slots=True, kw_only=True)
class Free:
    """A lot without a listing in that shop."""

    lot: Lot
    lines: Collection[SoldLine] = ()
    """What was sold of it lately, whether it is in its quantity or not."""

    @property
    def names(self) -> frozenset[str]:
        """What an external id may call it: our id, or that of one of its listings anywhere."""
        return frozenset({self.lot.lot_id}).union(*self.lot.listing_ids.values())


@dataclass(frozen=True, slots=True)
class Candidate:
    """A lot that a listing may stand for."""

    lot: Lot
    differences: Sequence[FieldDifference]


@dataclass(frozen=True, slots=True)
class Pairing:
    """What a listing was found to be."""

    meant: str | None
    """The id of the lot for which it stands; None if none is, or several may be."""
    candidates: Sequence[Candidate]
    """The lot that is meant, or those that may be."""


def pair(listed: Sequence[Listed], free: Sequence[Free]) -> dict[int, Pairing]:
    """Say for each row's number which lot is meant. Rows are in their order, lots in that of their ids."""
    lots: dict[Item, list[Free]] = defaultdict(list)
    for one in free:
        lots[one.lot.item].append(one)
    rows: dict[Item, list[Listed]] = defaultdict(list)
    for row in listed:
        rows[row.item].append(row)
    found: dict[int, Pairing] = {}
    for item, alike in rows.items():
        found |= _Item(alike, lots.get(item, [])).paired()
    return found


@dataclass(slots=True)
class _Item:
    """Listings and lots of one item, of which fewer and fewer are left."""

    rows: list[Listed]
    lots: list[Free]
    meant: dict[int, Free] = field(default_factory=dict)

    def paired(self) -> dict[int, Pairing]:
        every = list(self.rows)
        self._by_external_id()
        self._equal()
        self._the_only_ones()
        for key_of in (_price, _remarks):
            self._alone_by(key_of)
            self._the_only_ones()
        left = self.lots[:MOST_CANDIDATES]
        return {row.number: self._told(row, left) for row in every}

    def _told(self, row: Listed, left: Sequence[Free]) -> Pairing:
        one = self.meant.get(row.number)
        candidates = left if one is None else [one]
        found = [Candidate(other.lot, differences(other.lot, row.shown, other.lines)) for other in candidates]
        return Pairing(None if one is None else one.lot.lot_id, found)

    def _by_external_id(self) -> None:
        rows, lots = defaultdict(list), defaultdict(list)
        for row in self.rows:
            if row.external_id:
                rows[row.external_id].append(row)
        for one in self.lots if rows else ():
            for name in one.names:
                lots[name].append(one)
        self._take((rows[name][0], lots[name][0]) for name in rows if len(rows[name]) == len(lots.get(name, ())) == 1)

    def _equal(self) -> None:
        """Pair what is equal, in order; a thousand of each are looked through once."""
        buckets: dict[Hashable, _Bucket] = {}
        shapes: dict[Hashable, Shown] = {}
        for row in self.rows:
            shapes.setdefault(_shape(row.shown), row.shown)
        for shape, shown in shapes.items():
            for one in self.lots:
                bucket = buckets.setdefault((shape, _key(one.lot, shown)), _Bucket())
                bucket.add(one)
        taken: set[str] = set()
        pairs = []
        for row in self.rows:
            bucket = buckets.get((_shape(row.shown), _key(row.shown.said, row.shown)), _Bucket())
            if (equal := bucket.equal_to(row, taken)) is not None:
                taken.add(equal.lot.lot_id)
                pairs.append((row, equal))
        self._take(pairs)

    def _the_only_ones(self) -> None:
        if len(self.rows) == len(self.lots) == 1:
            self._take([(self.rows[0], self.lots[0])])

    def _alone_by(self, key_of: Callable[[LotFields, Shown], Hashable]) -> None:
        """Pair a listing with a lot where neither side has another of this key; an empty key says nothing."""
        if not self.lots or len({_shape(row.shown) for row in self.rows}) != 1:
            return
        shown = self.rows[0].shown
        rows, lots = defaultdict(list), defaultdict(list)
        for row in self.rows:
            rows[key_of(row.shown.said, shown)].append(row)
        for one in self.lots:
            lots[key_of(one.lot, shown)].append(one)
        self._take(
            (rows[key][0], lots[key][0]) for key in rows if key and len(rows[key]) == len(lots.get(key, ())) == 1
        )

    def _take(self, pairs: Iterable[tuple[Listed, Free]]) -> None:
        taken = set()
        for row, other in pairs:
            self.meant[row.number] = other
            taken.add(other.lot.lot_id)
        if taken:
            self.rows = [row for row in self.rows if row.number not in self.meant]
            self.lots = [one for one in self.lots if one.lot.lot_id not in taken]


class _Bucket:
    """Lots that a shop would show alike, quantities aside."""

    def __init__(self) -> None:
        self._unsold: dict[int, deque[Free]] = defaultdict(deque)
        """By quantity: those of which nothing was sold lately."""
        self._sold: list[Free] = []

    def add(self, one: Free) -> None:
        if one.lines:
            self._sold.append(one)
        else:
            self._unsold[max(0, one.lot.quantity)].append(one)

    def equal_to(self, row: Listed, taken: Collection[str]) -> Free | None:
        unsold = self._unsold[max(0, row.shown.said.quantity)]
        while unsold and unsold[0].lot.lot_id in taken:
            unsold.popleft()
        for one in chain(unsold, self._sold):
            if one.lot.lot_id not in taken and not differences(one.lot, row.shown, one.lines):
                return one
        return None


def _shape(shown: Shown) -> Hashable:
    return (shown.names, shown.places)


def _key(lot: LotFields, shown: Shown) -> Hashable:
    values: Mapping[str, Hashable] = as_shown(lot, shown)
    return tuple(sorted((name, value) for name, value in values.items() if name not in MAY_BE_UNSAID))


def _price(lot: LotFields, shown: Shown) -> Hashable:
    return as_shown(lot, shown).get("unit_price")


def _remarks(lot: LotFields, shown: Shown) -> Hashable:
    return as_shown(lot, shown).get("remarks")
