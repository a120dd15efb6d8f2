"""A thousand new lots at Brick Owl: few calls where batches prove themselves, done when the plan said (B2, N2)."""

from datetime import timedelta

import pytest

from bench.new_lots import SHOPS, plan_new_lots


@pytest.mark.parametrize(
    ("kind", "at_most"),
    [
        ("whose batches do everything", 100),
        ("that counts each thing in a batch", 100),
        ("whose batches read, and set totals", 2100),
        ("without batches", 2100),
    ],
)
async def test_a_thousand_new_lots(kind: str, at_most: int) -> None:
    new = await plan_new_lots(1000, SHOPS[kind])
    assert new.told.total_lots == 1000
    await new.run_out()
    assert len(new.listings) == 1000
    assert {(listing.quantity, listing.fields["sale_percent"]) for listing in new.listings} == {(4, 5)}
    assert new.calls <= at_most
    # The last of a few batches waits for a whole minute or not: no better than that.
    assert abs(new.took - new.said) <= timedelta(minutes=1)
