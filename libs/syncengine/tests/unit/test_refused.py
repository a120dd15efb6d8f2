"""What a refusal parks: what was refused, and not what the seller has made of it since (rule F1, life 718)."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from syncengine.listing import Group, ListingId
from syncengine.marketplace import Create, Refused, Update, Write
from syncengine.rows.intent import Intent
from syncengine.settle import settle
from syncengine.testing.samples import sample
from syncengine.testing.shop import FACTS
from syncengine.testing.store_contract.scenery import BRICK, lot_row

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CREATE = Create(item=BRICK, quantity=6, for_sale=True, retain=False, fields={"price": "0.6189"})
PRICE = Update(listing_id=ListingId("1"), fields={"price": "0.6189"})


@pytest.mark.parametrize(("write", "groups"), [(CREATE, tuple(Group)), (PRICE, (Group.PRICE,))])
@pytest.mark.parametrize("changed", [False, True])
def test_what_changed_while_it_was_refused_is_tried(write: Write, groups: tuple[Group, ...], *, changed: bool) -> None:
    intent = replace(sample(Intent), write=write, groups=groups, revision=7, settled_at=None)
    row = replace(lot_row("lot"), revision=8 if changed else 7, intent_id=intent.intent_id)
    row, _ = settle(row, intent, Refused(reason="REFUSED"), FACTS, NOW)
    assert row.intent_id is None
    assert bool(row.parked) is not changed
