"""Lots as listings, and which listing ever stood for which lot."""

# ruff: noqa: S101 - these are tests
from dataclasses import replace

import pytest

from syncengine.listing import Group, ListingId, LotId
from syncengine.plan import Tier
from syncengine.rows.intent import Fate, Intent, IntentId
from syncengine.rows.listing import CHANGED_IN_SHOP, Conflict, Parked, Probation, Trouble
from syncengine.settings import Settings
from syncengine.sight import Suspect
from syncengine.store.protocol import Difference, ListingCounts, Store
from syncengine.testing.samples import sample
from syncengine.testing.store_contract.scenery import NOW, SECOND, A, B, lot_row


class ListingContract:
    """Lots as listings, and which listing ever stood for which lot."""

    async def test_listings_are_found_by_lot_and_by_seller(self, store: Store) -> None:
        rows = [lot_row("b"), lot_row("a"), lot_row("c", B)]
        async with store.transaction() as tx:
            await tx.save_listings(rows, [None, None, None])
        async with store.transaction() as tx:
            assert await tx.find_listings([LotId("a"), LotId("c"), LotId("none")]) == {"a": rows[1], "c": rows[2]}
            assert await tx.find_listings([]) == {}
            assert await tx.listings_of(A) == [rows[1], rows[0]]

    async def test_row_given_twice_is_kept_as_given_last(self, store: Store) -> None:
        async with store.transaction() as tx:
            await tx.save_listings([lot_row("a"), lot_row("a", quantity=3)], [None, Tier.CREATE])
            assert await tx.listings_of(A) == [lot_row("a", quantity=3)]
            assert len(await tx.next_listings(A, tiers=list(Tier), now=NOW, limit=9)) == 1

    async def test_best_tier_is_called_first(self, store: Store) -> None:
        names = ["d", "c", "b", "a", "none", "late", "intent", "look"]
        tiers = [Tier.PRICE, Tier.DECREASE, Tier.PRICE, Tier.CREATE, None, Tier.CREATE, Tier.CREATE, Tier.CREATE]
        rows = [lot_row(name) for name in names]
        rows[2] = replace(rows[2], not_before=NOW)
        rows[5] = replace(rows[5], not_before=NOW + SECOND)
        rows[6] = replace(rows[6], intent_id=IntentId("intent"))
        rows[7] = replace(rows[7], look_since=NOW)
        async with store.transaction() as tx:
            await tx.save_listings(rows, tiers)
            await tx.save_listings([lot_row("other", B)], [Tier.DECREASE])
        async with store.transaction() as tx:
            found = await tx.next_listings(A, tiers=list(Tier), now=NOW, limit=9)
            assert [row.lot_id for row in found] == ["c", "a", "b", "d"]
            assert [row.lot_id for row in await tx.next_listings(A, tiers=list(Tier), now=NOW, limit=2)] == ["c", "a"]
            found = await tx.next_listings(A, tiers=[Tier.PRICE, Tier.TEXT], now=NOW, limit=9)
            assert [row.lot_id for row in found] == ["b", "d"]

    async def test_what_was_sold_is_called_first_of_its_rank(self, store: Store) -> None:
        rows = [replace(lot_row(name, quantity=7), ledger=9) for name in ("a", "b", "sold", "settled")]
        sold = [replace(row, desired=replace(row.desired, sold=2)) for row in rows[2:]]
        rows = [*rows[:2], sold[0], replace(sold[1], sold_there=2)]
        async with store.transaction() as tx:
            await tx.save_listings(rows, [Tier.DECREASE, Tier.PRICE, Tier.PRICE, Tier.PRICE])
            found = await tx.next_listings(A, tiers=list(Tier), now=NOW, limit=9)
            assert [row.lot_id for row in found] == ["a", "sold", "b", "settled"]
            await tx.save_listings([replace(rows[2], ledger=7)], [Tier.PRICE])
            found = await tx.next_listings(A, tiers=list(Tier), now=NOW, limit=9)
            assert [row.lot_id for row in found] == ["a", "b", "settled", "sold"]

    async def test_next_listing_at(self, store: Store) -> None:
        rows = [replace(lot_row("a"), not_before=NOW + 3 * SECOND), replace(lot_row("b"), not_before=NOW + 5 * SECOND)]
        async with store.transaction() as tx:
            assert await tx.next_listing_at(A, tiers=list(Tier), now=NOW) is None
            await tx.save_listings(rows, [Tier.CREATE, Tier.PRICE])
            assert await tx.next_listing_at(A, tiers=list(Tier), now=NOW) == NOW + 3 * SECOND
            assert await tx.next_listing_at(A, tiers=[Tier.PRICE], now=NOW) == NOW + 5 * SECOND
            assert await tx.next_listing_at(A, tiers=[Tier.TEXT], now=NOW) is None
            for ready in (lot_row("c"), replace(lot_row("c"), not_before=NOW - SECOND)):
                await tx.save_listings([ready], [Tier.PRICE])
                assert await tx.next_listing_at(A, tiers=list(Tier), now=NOW) == NOW

    async def test_looks_wanted(self, store: Store) -> None:
        intent = IntentId("intent")
        rows = [
            lot_row("calm"),
            replace(lot_row("doubtful"), look_since=NOW),
            replace(lot_row("open"), intent_id=intent, look_since=NOW),
            replace(lot_row("unknown"), intent_id=intent, unknown=True),
        ]
        async with store.transaction() as tx:
            await tx.save_listings(rows, [None] * 4)
            await tx.save_listings([replace(lot_row("other", B), look_since=NOW)], [None])
            assert await tx.looks_wanted(A) == [rows[1], rows[3]]

    @pytest.mark.parametrize("answered", [False, True])
    async def test_next_look_is_that_of_the_suspect_due_first(self, store: Store, *, answered: bool) -> None:
        intent = replace(sample(Intent), seller_id=A, fate=Fate.UNKNOWN, settled_at=None)
        intent = replace(intent, answered_at=NOW if answered else None, sent_at=NOW, deadline=9 * SECOND)
        due = Probation(delta=1, due_at=NOW + SECOND)
        rows = [
            replace(lot_row("unknown"), intent_id=intent.intent_id, unknown=True),
            replace(lot_row("unknown"), intent_id=intent.intent_id, unknown=True, not_before=NOW + 500 * SECOND),
            replace(lot_row("lost"), unknown=True),
            replace(lot_row("doubtful"), look_since=NOW - SECOND),
            replace(lot_row("doubtful"), look_since=NOW, not_before=NOW + 7 * SECOND, probation=due),
            replace(lot_row("on probation"), probation=due, not_before=NOW + 7 * SECOND),
        ]
        async with store.transaction() as tx:
            await tx.add_intents([intent])
            for row in rows:
                await tx.save_listings([row], [None])
                asked = Suspect(row=row, intent=intent if row.intent_id is not None else None)
                expected = asked.due_at(Settings(), NOW)
                assert await tx.next_look_at(A, Settings(), NOW) == expected, row.lot_id
                await tx.save_listings([lot_row(row.lot_id)], [None])
            assert await tx.next_look_at(A, Settings(), NOW) is None
            await tx.save_listings(rows[3:4] + rows[5:], [None, None])
            assert await tx.next_look_at(A, Settings(), NOW) == NOW - SECOND

    async def test_listings_are_counted_for_the_seller(self, store: Store) -> None:
        intent = IntentId("intent")
        rows = [
            lot_row("calm"),
            replace(lot_row("later"), not_before=NOW + SECOND),
            lot_row("now"),
            replace(lot_row("sent"), intent_id=intent),
            replace(lot_row("unknown"), intent_id=intent, unknown=True),
        ]
        async with store.transaction() as tx:
            assert await tx.count_listings(A) == ListingCounts(waiting=0, unknown=0)
            await tx.save_listings(rows, [None, Tier.TEXT, Tier.CREATE, Tier.PRICE, Tier.PRICE])
            await tx.save_listings([lot_row("other", B)], [Tier.CREATE])
            assert await tx.count_listings(A) == ListingCounts(waiting=2, unknown=1)

    async def test_calls_of_a_rank_and_listed_lots_are_counted(self, store: Store) -> None:
        rows = [
            lot_row("goes"),
            replace(lot_row("later"), not_before=NOW + SECOND),
            replace(lot_row("looked at"), look_since=NOW, listing_id=ListingId("1"), ledger=1),
            replace(lot_row("other rank"), listing_id=ListingId("2"), ledger=1),
        ]
        async with store.transaction() as tx:
            await tx.save_listings(rows, [Tier.REMOVAL, Tier.REMOVAL, Tier.REMOVAL, Tier.PRICE])
            await tx.save_listings([lot_row("other", B)], [Tier.REMOVAL])
            assert await tx.count_calls(A, Tier.REMOVAL) == 2
            assert await tx.count_listed(A) == 2

    async def test_rows_in_one_trouble_and_listings_with_pieces(self, store: Store) -> None:
        rows = [
            replace(lot_row("b"), trouble=Trouble.LOOK_ALIKE),
            replace(lot_row("a"), trouble=Trouble.LOOK_ALIKE),
            replace(lot_row("c"), trouble=Trouble.GONE_UNEXPLAINED),
            replace(lot_row("full"), listing_id=ListingId("1"), ledger=1),
            replace(lot_row("short"), listing_id=ListingId("2"), ledger=-1),
            replace(lot_row("empty"), listing_id=ListingId("3"), ledger=0),
        ]
        async with store.transaction() as tx:
            await tx.save_listings(rows, [None] * len(rows))
            await tx.save_listings([replace(lot_row("other", B), trouble=Trouble.LOOK_ALIKE)], [None])
            assert [row.lot_id for row in await tx.rows_in_trouble(A, Trouble.LOOK_ALIKE)] == ["a", "b"]
            assert set(await tx.listings_with_pieces(A)) == {"1", "2"}

    async def test_differences_by_lot_id(self, store: Store) -> None:
        listed = ListingId("77")
        archived = replace(lot_row("archived", quantity=0), listing_id=listed, ledger=0, uncounted=-3)
        rows = [
            lot_row("absent"),
            replace(archived, desired=replace(archived.desired, is_archived=True)),
            replace(lot_row("equal"), listing_id=listed, ledger=10),
            replace(lot_row("fewer"), listing_id=listed, ledger=4),
            replace(lot_row("oversold", quantity=-2), listing_id=listed, ledger=0),
            replace(lot_row("sold"), listing_id=listed, ledger=10, uncounted=3),
            replace(lot_row("unexplained"), listing_id=listed, ledger=10, theirs=12),
        ]
        async with store.transaction() as tx:
            await tx.save_listings(rows, [None] * 7)
            await tx.save_listings([replace(lot_row("other", B), listing_id=listed, ledger=1)], [None])
            found = await tx.differences(A, after=None, limit=9)
            assert found == [
                Difference(lot_id=LotId("fewer"), listing_id=listed, ours=10, theirs=4),
                Difference(lot_id=LotId("sold"), listing_id=listed, ours=7, theirs=10),
                Difference(lot_id=LotId("unexplained"), listing_id=listed, ours=10, theirs=12),
            ]
            assert await tx.differences(A, after=LotId("fewer"), limit=1) == found[1:2]

    async def test_lots_for_a_person_by_reason(self, store: Store) -> None:
        parked = Parked(reason="REFUSED", revision=1, values={"price": "0.1000"})
        twice = replace(parked, reason="APPLIED_TWICE")
        conflict = Conflict(sent="0.1000", ours="0.1000", theirs="0.2000")
        rows = [
            lot_row("calm"),
            replace(lot_row("changed"), conflicts={"price": conflict}),
            replace(lot_row("gone"), trouble=Trouble.GONE_UNEXPLAINED),
            replace(lot_row("parked"), parked={Group.PRICE: parked, Group.TEXT: parked}),
            replace(lot_row("worse"), parked={Group.REST: twice}, trouble=Trouble.GONE_UNEXPLAINED),
        ]
        async with store.transaction() as tx:
            await tx.save_listings(rows, [None] * 5)
            await tx.save_listings([replace(lot_row("other", B), trouble=Trouble.LOOK_ALIKE)], [None])
            assert await tx.listings_for_a_person(A, limit=9) == rows[1:]
            assert await tx.listings_for_a_person(A, after=LotId("changed"), limit=2) == rows[2:4]
            by_reason = {
                reason: [row.lot_id for row in await tx.listings_for_a_person(A, reason=reason, limit=9)]
                for reason in ("REFUSED", "APPLIED_TWICE", "GONE_UNEXPLAINED", CHANGED_IN_SHOP, "LOOK_ALIKE", "'; --")
            }
            assert by_reason == {
                "REFUSED": ["parked"],
                "APPLIED_TWICE": ["worse"],
                "GONE_UNEXPLAINED": ["gone", "worse"],
                CHANGED_IN_SHOP: ["changed"],
                "LOOK_ALIKE": [],
                "'; --": [],
            }
            counted = {reason: len(lots) for reason, lots in by_reason.items() if lots}
            assert await tx.count_reasons(A) == counted
            assert await tx.count_lots(A) == 5

    async def test_what_waited_longest_of_what_could_go(self, store: Store) -> None:
        waiting = [
            replace(lot_row("young"), waiting_since=NOW),
            replace(lot_row("old"), waiting_since=NOW - SECOND),
            replace(lot_row("put off"), waiting_since=NOW - 2 * SECOND, not_before=NOW + SECOND),
            replace(lot_row("held"), waiting_since=NOW - 3 * SECOND),
            replace(lot_row("looked at"), waiting_since=NOW - 4 * SECOND, look_since=NOW),
        ]
        async with store.transaction() as tx:
            assert await tx.oldest_waiting(A, tiers=list(Tier), now=NOW) is None
            await tx.save_listings(waiting, [Tier.PRICE, Tier.TEXT, Tier.TEXT, Tier.CREATE, Tier.TEXT])
            await tx.save_listings([replace(lot_row("other", B), waiting_since=NOW - 9 * SECOND)], [Tier.TEXT])
            assert await tx.oldest_waiting(A, tiers=[Tier.PRICE, Tier.TEXT], now=NOW) == NOW - SECOND

    async def test_listing_ids(self, store: Store) -> None:
        one, two, three = ListingId("1"), ListingId("2"), ListingId("3")
        a, b = LotId("a"), LotId("b")
        async with store.transaction() as tx:
            await tx.add_listing_ids(A, [(two, a), (one, a)])
            await tx.add_listing_ids(A, [(two, b), (three, b)])
            await tx.add_listing_ids(B, [(one, LotId("c"))])
            await tx.add_listing_ids(A, [])
        async with store.transaction() as tx:
            assert await tx.lots_of_listings(A, [one, two, three, ListingId("9")]) == {one: a, two: a, three: b}
            assert await tx.lots_of_listings(A, []) == {}
            assert await tx.listing_ids_of([a, b, LotId("none")]) == {a: {one: False, two: False}, b: {three: False}}
            assert await tx.listing_ids_of([]) == {}

    async def test_listings_that_we_made(self, store: Store) -> None:
        one, two, three = ListingId("1"), ListingId("2"), ListingId("3")
        async with store.transaction() as tx:
            await tx.add_listing_ids(A, [(one, LotId("a")), (two, LotId("b"))])
            await tx.add_listing_ids(A, [(two, LotId("b")), (three, LotId("c"))], created=True)
            await tx.add_listing_ids(A, [(three, LotId("c"))])
            await tx.add_listing_ids(B, [(one, LotId("d"))], created=True)
        async with store.transaction() as tx:
            assert set(await tx.created_among(A, [one, two, three])) == {two, three}
            assert set(await tx.created_among(A, [one])) == set()
            assert set(await tx.created_among(A, [])) == set()
