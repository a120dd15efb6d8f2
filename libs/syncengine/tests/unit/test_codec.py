"""Rows as JSON and back."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from syncengine.listing import ListingId
from syncengine.marketplace import Remove, Update
from syncengine.rows.connection import ConnectionRow
from syncengine.rows.intent import Intent
from syncengine.rows.listing import ListingRow
from syncengine.store.codec import decoder, encoder
from syncengine.testing.samples import sample


@pytest.mark.parametrize("kind", [ConnectionRow, ListingRow])
@pytest.mark.parametrize("choice", range(3))
def test_json_and_back(kind: Any, choice: int) -> None:
    row = sample(kind, choice=choice)
    assert decoder(kind)(json.loads(json.dumps(encoder(kind)(row)))) == row


def test_writes_that_look_alike_keep_their_kind() -> None:
    """An update without changes and a removal have the same fields set."""
    write = Intent.__annotations__["write"]
    for sent in (Update(listing_id=ListingId("7")), Remove(listing_id=ListingId("7"))):
        assert decoder(write)(encoder(write)(sent)) == sent


def test_type_that_no_row_has_is_refused() -> None:
    @dataclass
    class Odd:
        value: complex

    with pytest.raises(TypeError, match="complex"):
        encoder(Odd)
    with pytest.raises(TypeError, match="complex"):
        decoder(Odd)
