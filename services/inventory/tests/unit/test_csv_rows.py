"""CSV with the columns of our export: read back, row by row, and what is refused."""

from decimal import Decimal

import pytest

from inventory.domain.lot import Completeness, Condition, ItemType, LotFields, Stockroom, Tier, UsedGrade
from inventory.imports.dialect import FileRefused
from inventory.imports.operation import CheckedRow
from inventory.imports.reading import read_file

HEAD = "item_type,item_no,color_id,condition,quantity,unit_price"
BRICK = "PART,3001,5,USED,40,0.120"


def read_rows(content: bytes) -> list[CheckedRow]:
    read = read_file(content, "UNSPECIFIED", currency="EUR")
    assert read.dialect.format == "CSV"
    return [read.dialect.judge(row, number, "EUR") for number, row in enumerate(read.rows, start=1)]


def row(columns: str = "", cells: str = "", *, brick: str = BRICK) -> CheckedRow:
    (checked,) = read_rows(f"{HEAD}{columns}\n{brick}{cells}\n".encode())
    return checked


def lot_of(checked: CheckedRow) -> LotFields:
    assert (checked.field, checked.reason) == ("", "")
    assert checked.lot is not None
    return checked.lot


def test_a_row_with_every_column_becomes_the_lot_that_it_says() -> None:
    columns = (
        ",lot_id,color_name,used_grade,reserved,sold,currency,sale_percent,bulk,tier1_quantity,tier1_unit_price"
        ",tier2_quantity,tier2_unit_price,tier3_quantity,tier3_unit_price,cost,description,remarks,stockroom,retain"
        ",weight_grams,location,tags,archived"
    )
    cells = (
        ',some id,Red,GOOD,3,9,EUR,10,2,50,0.11,100,0.1,,,0.05,"a, ""b""\nsecond line",\'=A1,B,yes,2.5,shelf 7,a b,no'
    )
    said = lot_of(row(columns, cells))
    assert (said.item.type, said.item.number, said.item.color_id) == (ItemType.PART, "3001", 5)
    assert (said.item.condition, said.item.completeness, said.used_grade) == (Condition.USED, None, UsedGrade.GOOD)
    assert (said.quantity, said.reserved, said.unit_price, said.currency) == (40, 3, Decimal("0.12"), "EUR")
    assert said.tiers == (Tier(50, Decimal("0.11")), Tier(100, Decimal("0.1")))
    assert (said.sale_percent, said.bulk, said.cost, said.weight_grams) == (10, 2, Decimal("0.05"), Decimal("2.5"))
    assert (said.description, said.remarks) == ('a, "b"\nsecond line', "=A1")
    assert (said.stockroom, said.retain, said.location, said.tags) == (Stockroom.B, True, "shelf 7", ("a", "b"))


def test_a_set_says_how_complete_it_is() -> None:
    assert lot_of(row(",completeness", ",sealed", brick="set,75192-1,0,new,1,649")).item.completeness is (
        Completeness.SEALED
    )


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize(("prefix", "line_end"), [(b"", "\n"), (b"\xef\xbb\xbf", "\r\n"), (b"", "\r\n")])
def test_what_spreadsheets_write_is_read(separator: str, prefix: bytes, line_end: str) -> None:
    table = line_end.join([HEAD.upper(), "", BRICK, ",,,,,", BRICK, ""]).replace(",", separator)
    rows = read_rows(prefix + table.encode())
    assert [(one.number, one.line, one.field) for one in rows] == [(1, 3, ""), (2, 5, "")]


def test_a_file_tells_which_fields_it_can_say() -> None:
    read = read_file(f"{HEAD},remarks,tier1_quantity,tags\n{BRICK},,,\n".encode(), "CSV", currency="EUR")
    assert read.fields == {"unit_price", "remarks", "tiers", "tags"}


REFUSED_ROWS = {
    "an unknown type": ({"brick": "BRICK,3001,5,USED,40,0.1"}, "item_type"),
    "no number": ({"brick": "PART,,5,USED,40,0.1"}, "item_no"),
    "an unknown colour": ({"brick": "PART,3001,4711,USED,40,0.1"}, "color_id"),
    "no condition": ({"brick": "PART,3001,5,,40,0.1"}, "condition"),
    "pieces below zero": ({"brick": "PART,3001,5,USED,-4,0.1"}, "quantity"),
    "half a piece": ({"brick": "PART,3001,5,USED,0.5,0.1"}, "quantity"),
    "no quantity": ({"brick": "PART,3001,5,USED,,0.1"}, "quantity"),
    "a decimal comma": ({"brick": 'PART,3001,5,USED,4,"0,1"'}, "unit_price"),
    "too few cells": ({"brick": "PART,3001,5,USED,4"}, "unit_price"),
    "too many cells": ({"cells": ",more"}, "unit_price"),
    "another currency": ({"columns": ",currency", "cells": ",USD"}, "currency"),
    "neither yes nor no": ({"columns": ",retain", "cells": ",maybe"}, "retain"),
    "neither archived nor not": ({"columns": ",archived", "cells": ",maybe"}, "archived"),
    "a tier without price": ({"columns": ",tier2_quantity", "cells": ",10"}, "tier2_unit_price"),
    "a tier without quantity": ({"columns": ",tier3_unit_price", "cells": ",0.1"}, "tier3_quantity"),
    "a bulk of nothing": ({"columns": ",bulk", "cells": ",0"}, "bulk"),
    "a grade of new": ({"columns": ",used_grade", "cells": ",GOOD", "brick": "PART,3001,5,NEW,4,1"}, "used_grade"),
    "a tag too long": ({"columns": ",tags", "cells": "," + "t" * 31}, "tags[0]"),
    "a location too long": ({"columns": ",location", "cells": "," + "l" * 101}, "location"),
}


@pytest.mark.parametrize(("said", "column"), REFUSED_ROWS.values(), ids=REFUSED_ROWS.keys())
def test_a_bad_row_is_refused_by_its_column(said: dict[str, str], column: str) -> None:
    checked = row(**said)
    assert (checked.lot, checked.field, checked.line, checked.excluded) == (None, column, 2, False)
    assert checked.reason


def test_a_lot_that_was_put_away_is_excluded() -> None:
    checked = row(",archived", ",yes")
    assert (checked.lot, checked.field, checked.excluded) == (None, "archived", True)


REFUSED_FILES = {
    "another table": (b"part,colour\n3001,5\n", "neither XML nor a table"),
    "a misspelt column": (f"{HEAD},remark\n{BRICK},A1\n".encode(), "column 'remark'"),
    "a column twice": (f"{HEAD},quantity\n{BRICK},4\n".encode(), "quantity twice"),
    "no price": (b"item_type,item_no,condition,quantity\nPART,3001,NEW,4\n", "no column unit_price"),
    "no rows": (f"{HEAD}\n".encode(), "no row"),
    "nothing but blanks": (b" \n", "neither XML nor a table"),
    "an open quote": (f'{HEAD},remarks\n{BRICK},"A1\n{BRICK},A2\n'.encode(), "no whole table.*line 3"),
    "a quote in the middle": (f'{HEAD},remarks\n{BRICK},"A1"B\n'.encode(), "no whole table.*line 2"),
    "another encoding": (f"{HEAD},remarks\n{BRICK},bl\xf6d\n".encode("latin-1"), "UTF-8: see line 2"),
    "NUL": (f"{HEAD},remarks\n{BRICK},\0\n".encode(), "NUL"),
}


@pytest.mark.parametrize(("content", "why"), REFUSED_FILES.values(), ids=REFUSED_FILES.keys())
def test_a_file_that_cannot_be_believed_is_refused_whole(content: bytes, why: str) -> None:
    with pytest.raises(FileRefused, match=why):
        read_rows(content)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_xml_in_any_encoding_is_no_table(encoding: str) -> None:
    item = "<ITEM><ITEMTYPE>P</ITEMTYPE><ITEMID>3001</ITEMID></ITEM>"
    content = f"\n <INVENTORY>{item}</INVENTORY>".encode(encoding)
    assert read_file(content, "UNSPECIFIED", currency="EUR").dialect.format == "BRICKLINK_XML"
