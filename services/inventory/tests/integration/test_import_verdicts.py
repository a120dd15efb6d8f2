"""The one statement that judges a whole file, against a judge who compares each row with each lot."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from brickops.inventory.v1 import import_pb2, lot_pb2
from inventory.testing.calls import Calls, a_brick

SCENES = 20
NUMBERS, COLOURS, REMARKS, LOCATIONS = ("3001", "3002"), (1, 5), ("", "A", "B"), ("", "L", "M")


@dataclass(frozen=True)
class Said:
    """What of a lot, or of a row, the verdict depends on."""

    number: str
    colour: int
    remarks: str
    location: str
    lot_id: str = ""

    @property
    def item(self) -> tuple[str, int]:
        return self.number, self.colour


Verdict = tuple[str, str, int]
"""The word, the lot of which it is a duplicate, the row that it repeats."""


def slowly_judged(rows: Sequence[Said], lots: Sequence[Said]) -> list[Verdict]:
    decided = [_decided(row, [lot for lot in lots if lot.item == row.item]) for row in rows]
    return [_verdict(place, rows, decided, lots) for place in range(len(rows))]


def _decided(row: Said, equal: Sequence[Said]) -> Said | str | None:
    if len(equal) < 2:
        return equal[0] if equal else None
    for wanted, alike in (
        (row.lot_id, [lot for lot in equal if lot.lot_id == row.lot_id]),
        (row.remarks, [lot for lot in equal if lot.remarks == row.remarks]),
        (row.location, [lot for lot in equal if lot.location == row.location]),
    ):
        if wanted and len(alike) == 1:
            return alike[0]
    return "ambiguous"


def _verdict(place: int, rows: Sequence[Said], decided: Sequence[Said | str | None], lots: Sequence[Said]) -> Verdict:
    row, lot = rows[place], decided[place]
    if isinstance(lot, str):
        return "AMBIGUOUS", "", 0
    same = [other for other, one in enumerate(rows) if one.item == row.item and decided[other] == lot]

    def rank(other: int) -> tuple[bool, bool, int]:
        is_named = any(one.lot_id == rows[other].lot_id and one.item == row.item for one in lots)
        return not is_named, lot is not None and rows[other].remarks != lot.remarks, other

    stands = min(same, key=rank)
    lot_id = lot.lot_id if lot else ""
    if stands != place:
        return "REPEATED", lot_id, stands + 1
    return "DUPLICATE" if lot else "NEW", lot_id, 0


@pytest.mark.parametrize("seed", range(SCENES))
async def test_the_statement_judges_as_a_slow_judge_does(calls: Calls, seed: int) -> None:
    chance = random.Random(seed)

    def anything(lot_id: str = "") -> Said:
        what = (chance.choice(NUMBERS), chance.choice(COLOURS), chance.choice(REMARKS), chance.choice(LOCATIONS))
        return Said(*what, lot_id)

    lots = []
    for _ in range(chance.randint(0, 7)):
        lot = anything()
        made = await calls.create(brick(lot))
        lots.append(replace(lot, lot_id=made.lot.lot_id))
    if len(lots) > 5:
        await calls.archive(lots.pop(0).lot_id)
    await replace(calls, seller=f"stranger-of-{calls.seller}").create(brick(anything()))
    ids = ["", "", "unheard of", *(lot.lot_id for lot in lots)]
    rows = [anything(chance.choice(ids)) for _ in range(chance.randint(1, 12))]

    lines = [f"PART,{one.number},{one.colour},USED,1,0.1,{one.remarks},{one.location},{one.lot_id}" for one in rows]
    head = "item_type,item_no,color_id,condition,quantity,unit_price,remarks,location,lot_id"
    content = "\n".join([head, *lines]).encode()
    operation = await calls.import_file(content, format=import_pb2.IMPORT_FORMAT_CSV, preview=True)
    told = (await calls.list_rows(operation.import_id)).rows
    words = [import_pb2.ImportVerdict.Name(row.verdict).removeprefix("IMPORT_VERDICT_") for row in told]
    found = [(word, row.duplicate_lot_id, row.repeats_row) for word, row in zip(words, told, strict=True)]
    assert found == slowly_judged(rows, lots)
    assert operation.repeated_rows == words.count("REPEATED")
    equal = [sorted(lot.lot_id for lot in lots if lot.item == row.item) for row in rows]
    assert [[candidate.lot_id for candidate in row.candidates] for row in told] == equal


def brick(said: Said) -> lot_pb2.Lot:
    item = lot_pb2.Item(
        type=lot_pb2.ITEM_TYPE_PART, number=said.number, color_id=said.colour, condition=lot_pb2.CONDITION_USED
    )
    return a_brick(item=item, remarks=said.remarks, location=said.location)
