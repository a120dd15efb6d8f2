"""What stores keep of a marketplace's own catalogue."""

# ruff: noqa: S101 - these are tests
from dataclasses import replace
from datetime import timedelta

from syncengine.catalog import in_terms
from syncengine.listing import CatalogEntry, ListingId
from syncengine.rows.shop import Counterpart
from syncengine.store.protocol import Store, Unmapped
from syncengine.testing.store_contract.scenery import NOW, A, B, owl_row

ONE, TWO = (CatalogEntry(item_type="PART", number=number) for number in ("1", "2"))
THERE = CatalogEntry(item_type="BOID", number="771344", color_id=38)


class CatalogContract:
    """Counterparts, and the lots that wait for them."""

    async def test_entries_of_lots_with_pieces_are_asked_for_once_until_it_is_time_again(self, store: Store) -> None:
        rows = [owl_row("a", "1"), owl_row("b", "1"), owl_row("c", "2"), owl_row("d", "3", quantity=0)]
        async with store.transaction() as tx:
            await tx.save_listings([*rows, owl_row("e", "4", B)], [None] * 5)
            assert await tx.entries_to_ask(A, now=NOW, limit=10) == [ONE, TWO]
            assert await tx.entries_to_ask(A, now=NOW, limit=1) == [ONE]
            later = NOW + timedelta(days=1)
            nothing = Counterpart(seller_id=A, entry=ONE, found=None, since=NOW, ask_again_at=later)
            said = Counterpart(seller_id=A, entry=TWO, found=THERE, since=NOW)
            await tx.save_counterparts([nothing, said])
            assert await tx.entries_to_ask(A, now=NOW, limit=10) == []
            assert await tx.entries_to_ask(A, now=later, limit=10) == [ONE]
        async with store.transaction() as tx:
            assert await tx.find_counterparts(A, [ONE, TWO]) == {ONE: nothing, TWO: said}
            assert await tx.find_counterparts(B, [ONE]) == {}
            assert [row.lot_id for row in await tx.listings_of_entries(A, [ONE, TWO])] == ["a", "b", "c"]

    async def test_entries_of_lots_without_pieces_are_asked_for_where_they_have_a_listing(self, store: Store) -> None:
        """Else nobody could say that an empty listing is of the lot's item (rule N4)."""
        kept = replace(owl_row("b", "2", quantity=0), listing_id=ListingId("1001"), ledger=0)
        async with store.transaction() as tx:
            await tx.save_listings([owl_row("a", "1", quantity=0), kept], [None] * 2)
            assert await tx.entries_to_ask(A, now=NOW, limit=10) == [TWO]

    async def test_unmapped_entries_are_listed_by_name_with_how_many_lots_wait(self, store: Store) -> None:
        rows = [owl_row("a", "1"), owl_row("b", "1"), owl_row("c", "2"), owl_row("d", "3")]
        mapped = replace(rows[3], desired=in_terms(rows[3].desired, {rows[3].desired.entry: THERE}))  # type: ignore[dict-item]
        async with store.transaction() as tx:
            await tx.save_listings([*rows[:3], mapped], [None] * 4)
            assert await tx.unmapped(A, after="", limit=10) == []  # nobody has asked for them yet
            entries = [row.desired.entry for row in rows if row.desired.entry is not None]
            await tx.save_counterparts(
                [Counterpart(seller_id=A, entry=entry, found=None, since=NOW) for entry in set(entries)]
            )
            several = Counterpart(seller_id=A, entry=ONE, found=None, since=NOW, candidates=(THERE, TWO))
            await tx.save_counterparts([several])
            first = Unmapped(entry=ONE, lots=2, since=NOW, candidates=(THERE, TWO))
            assert await tx.unmapped(A, after="", limit=1) == [first]
            assert await tx.unmapped(A, after=ONE.name, limit=10) == [Unmapped(entry=TWO, lots=1, since=NOW)]
            assert await tx.find_listing(mapped.lot_id) == mapped

    async def test_call_may_be_charged_as_several(self, store: Store) -> None:
        async with store.transaction() as tx:
            await tx.charge(A, "calls", NOW, write=False, calls=50)
            await tx.charge(A, "calls", NOW, write=True)
            spent = await tx.calls_since(A, "calls", NOW - timedelta(minutes=1))
        assert (spent.calls, spent.writes) == (51, 1)
