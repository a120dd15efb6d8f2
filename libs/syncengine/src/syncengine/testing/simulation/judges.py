"""The judgements (design, "Proof"): what must hold at every step, and what must hold at rest."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from brickops.inventory.v1.lot_sync_pb2 import (
    FIELD_GROUP_PRICE,
    FIELD_GROUP_QUANTITY,
    SYNC_STATE_CONFLICT,
    SYNC_STATE_SYNCED,
)
from syncengine.listing import ListingId, LotId, OrderId
from syncengine.marketplace import Applied, Create, Remove, Ticket, Update, Write
from syncengine.rows.intent import Fate, IntentId
from syncengine.rows.listing import ListingRow, Trouble
from syncengine.testing.inventory import SELLER, Stock
from syncengine.testing.simulation.books import MAY_LEAD_TO, Cause, Sent, Unlisted
from syncengine.testing.simulation.guarded import Guarded
from syncengine.testing.simulation.network import Landing
from syncengine.testing.simulation.pace import Pace
from syncengine.testing.simulation.returns import Returns
from syncengine.testing.simulation.shares import Shares
from syncengine.testing.simulation.stage import Stage


class Misjudged(AssertionError):
    """A judgement failed; `number` says which: the design's eight, consent (rule B5), and two shops' one stock."""

    def __init__(self, number: int, words: str) -> None:
        super().__init__(f"judgement {number}: {words}")
        self.number = number


_MAY_BE_STRANGE = frozenset({Cause.LOSS, Cause.UNSEEN, Cause.FALSE_LIST})
"""Why nobody may know any more whose a listing is."""


@dataclass(slots=True)
class Judges:
    """Watch what is sent, what lands and what is told."""

    stage: Stage
    pace: Pace = field(init=False)
    returns: Returns = field(init=False)
    shares: Shares = field(init=False)
    guarded: Guarded = field(init=False)
    made: dict[IntentId, Sent] = field(default_factory=dict)
    """Every intent, with what was known when it was made."""
    said: dict[LotId, int] = field(default_factory=dict)
    """Of which revision "synced" was said last."""
    census: str = ""
    """The wish that the last census which C1 asks for answered; nothing is written before it."""
    spent_since: datetime = field(init=False)
    """When the account of calls that the engine has now began: a lost database's is lost with it."""

    def __post_init__(self) -> None:
        self.pace = Pace(self.stage)
        self.returns = Returns(self.stage)
        self.shares = Shares(self.stage)
        self.guarded = Guarded(self.stage)
        self.spent_since = self.stage.clock.now()

    def begin_anew_after_loss(self) -> None:
        """The engine's database was lost, and what it knew of calls and of consent with it."""
        self.spent_since = self.stage.clock.now()
        self.pace.since.clear()
        self.shares.begin_anew()
        self.guarded.begin_anew()

    # Calls (judgements 5, 6 and 9) ------------------------------------------------------------------------------------

    def arrived(self, ticket: Ticket, *, write: bool) -> None:
        """Judge a call that reaches a shop: ours alone never exceed its quota (judgement 5).

        Calls are counted over a window less the longest call: the shop counts when a call arrives, the budget when it
        is charged, up to a deadline before, or longer where a worker slept in between. Those that came out of nothing
        are not ours to avoid: what another tool spent, and what the engine's account no longer holds because its
        database was lost.
        """
        network, limit = self.stage.network, self.stage.shop.facts.limit
        if ticket.stamp in network.stamps:
            raise Misjudged(5, "a call is wasted, as its stamp was used before")
        under_way = self.stage.settings.list_deadline + self.stage.longest_sleep
        since = max(self.spent_since, network.clock.now() - limit.window + under_way)
        most_batches = self.stage.shop.batch_limit
        if most_batches is not None and (batches := sum(at > since for at in network.batches)) > most_batches:
            raise Misjudged(5, f"{batches} calls of several things within the window of {most_batches}")
        if len(network.calls) > limit.calls:
            ours = sum(at > since for at in network.charged)
            if ours > limit.calls:
                raise Misjudged(5, f"{ours} calls within the window of {limit.calls}")
        if wrong := self.shares.arrived(ticket, write=write):
            raise Misjudged(5, wrong)

    def committed(self) -> bool:
        """See what a commit changed, and judge intents that it made, by what the engine was told until then.

        The call may come long after. Tells whether there are any.
        """
        books, tables, known = self.stage.books, self.stage.store.tables, len(self.made)
        for lot_id in books.put_back:
            self.returns.note(lot_id)
        for intent in tables.unsettled.values():
            if intent.fate is not Fate.OPEN or intent.intent_id in self.made:
                continue
            row = tables.listings[intent.lot_id]
            self.pace.goes(intent.lot_id)
            self.made[intent.intent_id] = Sent(
                intent=intent,
                revision=books.delivered.get(intent.lot_id, 0),
                unread=self._unread(intent.lot_id),
                doubted=self._doubted(row),
            )
            # Never sent, because its worker died, is no less believed: what hands took is what it would have taken.
            if isinstance(intent.write, Update):
                books.unfound[intent.lot_id] += max(0, -intent.write.delta)
            if isinstance(intent.write, Remove):
                books.take_by_hand(intent.lot_id, books.missed.pop(intent.lot_id, 0))
                if wrong := self.guarded.removal(intent, row):
                    raise Misjudged(9, wrong)
        return len(self.made) > known

    def intended(self, ticket: Ticket, write: Write) -> None:
        """Judge a write whose call begins: its intent was durable before (L3), and no decrease was due before (6).

        Its database may have been lost meanwhile: then it is late.
        """
        books = self.stage.books
        if self.stage.connection.wish_id != self.census:
            books.begin_anew()
            self.census = self.stage.connection.wish_id
        made = reversed(self.made.values())
        sent = next((each for each in made if each.intent.stamp == ticket.stamp and each.intent.write == write), None)
        if sent is None:
            raise Misjudged(1, "a write without an intent that outlives its sender")
        books.sent.setdefault(ticket.stamp, []).append(sent)
        if overtaken := self.pace.overtaken_by(sent.intent):
            raise Misjudged(6, f"a decrease of {overtaken} was due before")

    def judge_pace(self) -> None:
        """Judge how long a decrease has been due with nothing in its way (judgement 6)."""
        if (late := self.pace.late()) is not None:
            lot_id, waited = late
            raise Misjudged(6, f"a decrease of {lot_id} waits for {waited}")

    def watch_returns(self) -> None:
        """See what became of pieces that the shop put back (rule S4)."""
        for lot_id in self.stage.books.put_back:
            if wrong := self.returns.look(lot_id):
                raise Misjudged(2, wrong)

    # Landings (judgements 1 and 3) ------------------------------------------------------------------------------------

    def landed(self, landing: Landing) -> None:
        """Judge a write that reached a shop (judgements 1 and 3)."""
        if landing.model is not self.stage.shop:
            raise Misjudged(1, "a write reached another shop")
        if not isinstance(landing.outcome, Applied):
            return
        books, sent = self.stage.books, self.stage.books.sent_by(landing.stamp, landing.write)
        lot_id, change = sent.intent.lot_id, landing.after - landing.before
        if isinstance(landing.write, Create) and landing.listing_id is not None:
            books.own(landing.listing_id, lot_id)
        if isinstance(landing.write, Remove) or change < 0:
            books.taken[lot_id] -= change
            self.returns.taken(lot_id, landing.after)
        if isinstance(landing.write, Update):
            books.unfound[lot_id] -= max(0, -change)
        emptied = change < 0 and landing.after == 0 and landing.listing_id not in self.stage.shop.listings()
        if isinstance(landing.write, Remove) or emptied:
            books.remove(lot_id)
        if change > 0:
            books.plus[lot_id] += change
            self._judge_increase(sent, landing)
        if isinstance(landing.write, Create):
            books.list_again(lot_id, self._read_before(sent))
        self._judge_single(lot_id)

    def _judge_increase(self, sent: Sent, landing: Landing) -> None:
        books, lot_id = self.stage.books, sent.intent.lot_id
        wish = books.wishes[lot_id, max(sent.revision, sent.intent.revision)]
        at = self._read_before(sent) if isinstance(landing.write, Create) else landing.at
        unlinked = self._sold_before_linked(lot_id)
        # What a create could not know of, and no order read since shows, is no news at the next write either.
        unread = sum(each.pieces for each in sent.unread if each.until <= at)
        unseen = books.not_yet_listed(lot_id, at, removed=True) + unlinked + unread
        # What decreases of ours did not take, hands may have taken: then it is gone as users wished.
        by_hands = min(books.unfound[lot_id], max(0, -books.by_hand[lot_id]))
        # What one on probation did not take, a sale not yet listed did: it is still on its way.
        on_its_way = min(books.unfound[lot_id], sent.doubted)
        asked = books.increases[lot_id] - wish.decreased + books.taken[lot_id] + by_hands + on_its_way
        asked += books.excused[lot_id] + sum(map(books.came_back, books.lines_of[lot_id]))
        if (too_many := books.plus[lot_id] - asked) > unseen:
            raise Misjudged(1, f"{lot_id}: {books.plus[lot_id]} pieces put in, {asked + unseen} were asked for")
        books.excused[lot_id] += max(0, too_many)
        unknown = max(books.not_yet_listed(lot_id, at), sent.doubted)
        sold = books.sold(lot_id) - unknown - unread - unlinked
        wanted = wish.pieces(sold) + max(0, books.by_hand[lot_id]) + self.returns.uncounted(lot_id)
        if isinstance(landing.write, Create | Update) and landing.after > wanted:
            raise Misjudged(1, f"{lot_id}: {landing.after} in the shop, {wanted} are there to sell")

    def _read_before(self, sent: Sent) -> datetime:
        """A create waits for a read of orders: what is listed a moment after it is as good as not listed (rule N4)."""
        return sent.intent.sent_at - self.stage.settings.call_deadline

    def _unread(self, lot_id: LotId) -> tuple[Unlisted, ...]:
        """What creates listed again although it was sold, and no order shows that the engine has read."""
        return tuple(
            each
            for each in self.stage.books.unlisted
            if each.lot_id == lot_id and each.is_listed_again and not self._is_read(each)
        )

    def _doubted(self, row: ListingRow) -> int:
        """Pieces of decreases on probation that sales may have taken instead, in orders not read yet."""
        if row.probation is None or not row.may_show_more:
            return 0
        sold = [each for each in self.stage.books.unlisted if each.lot_id == row.lot_id and not self._is_read(each)]
        return min(max(row.probation.deltas), sum(each.pieces for each in sold))

    def _is_read(self, sold: Unlisted) -> bool:
        lines = self.stage.store.tables.lines
        line = lines.get((SELLER, sold.order_id, sold.listing_id))
        there = None if sold.into is None else lines.get((SELLER, sold.into, sold.listing_id))
        is_there = there is not None and there.total >= sold.total_there
        return is_there or (line is not None and line.total >= sold.total)

    def _in_ledger_already(self, row: ListingRow) -> int:
        """Pieces that were gone when a census began the ledger, and that no order shows which the engine has read."""
        if row.ledger_from is None:
            return 0
        gone_by = row.ledger_from + self.stage.settings.anchor_doubt
        before = [each for each in self.stage.books.unlisted if each.lot_id == row.lot_id and each.sold_at <= gone_by]
        return sum(each.pieces for each in before if not each.is_removed and not self._is_read(each))

    def _judge_single(self, lot_id: LotId) -> None:
        # An empty one of nobody's offers nothing; where such stay, hands may fill it after the last list (ADR 18).
        tables, facts = self.stage.store.tables, self.stage.shop.facts
        empty = {key[1] for key, kept in tables.shop.items() if facts.keeps_sold_out and not kept.listing.quantity}
        live = [
            each
            for each, pieces in self.live(lot_id).items()
            if (SELLER, each) in tables.owners or (pieces and each not in empty)
        ]
        if len(live) > 1:
            raise Misjudged(3, f"{lot_id} is listed {len(live)} times: {', '.join(sorted(live))}")

    def live(self, lot_id: LotId) -> dict[ListingId, int]:
        """A lot's listings in the shop now, with their pieces."""
        shown = self.stage.shop.listings()
        return {
            listing_id: shown[listing_id].quantity
            for listing_id in self.stage.books.listings[lot_id]
            if listing_id in shown
        }

    # What is told (judgements 2 and 4) --------------------------------------------------------------------------------

    def judge_count(self, order_id: str, listing_id: str) -> None:
        """Judge what inventory has counted of a line (judgement 2)."""
        counted = self.stage.inventory.counted.get((order_id, listing_id), 0)
        line = self.stage.books.lines.get((OrderId(order_id), ListingId(listing_id)))
        there = 0 if line is None else line.total - line.before
        if counted > there:
            raise Misjudged(2, f"order {order_id}: {counted} of {there} pieces of listing {listing_id} were counted")
        if line is not None and line.lot_id is not None and (wrong := self.returns.judge_count(line.lot_id)):
            raise Misjudged(2, wrong)

    def judge_saying(self, lot_id: LotId, revision: int) -> None:
        """Judge "synced" at the moment at which it is said (judgement 4).

        Sales not yet listed show in what is left, and so are no exception here, but where our own removal left nothing,
        or where a census took what is left for all that there is. What was said of a revision stays so when it is told
        again, with sales booked since: those are the next revision's, also where as many pieces came back meanwhile.
        """
        books, row = self.stage.books, self.stage.store.tables.listings.get(lot_id)
        was_said, self.said[lot_id] = self.said.get(lot_id) == revision, revision
        wish = books.wishes.get((lot_id, revision))
        if wish is None or books.causes(lot_id) or (was_said and self._is_counting(lot_id)):
            return
        shown, true = sum(self.live(lot_id).values()), wish.pieces(books.sold(lot_id))
        read_at = (
            self.stage.clock.now() - 2 * self.stage.settings.call_deadline
        )  # before the create, and that before this
        unseen = books.not_yet_listed(lot_id, read_at, removed=True)
        unseen += sum(each.pieces for each in self._unread(lot_id) if each.until <= read_at)
        if row is not None:
            unseen += self._in_ledger_already(row)
        may_show = range(true, wish.pieces(books.sold(lot_id) - unseen) + books.may_show_more(lot_id) + 1)
        if shown not in may_show and not (wish.hidden and shown == 0):
            raise Misjudged(4, f"{lot_id}: said to be synced at revision {revision}, the shop shows {shown} for {true}")

    def _is_counting(self, lot_id: LotId) -> bool:
        """Tell whether sold or returned pieces are told that inventory has not counted yet."""
        tables = self.stage.store.tables
        row = tables.listings.get(lot_id)
        told = tables.bookings.get(lot_id, ())
        return row is not None and any(booking.pieces and booking.seq > row.counted_seq for booking in told)

    # Rest (judgements 2 and 7) ----------------------------------------------------------------------------------------

    def judge_rest(self) -> None:
        """Judge what must hold when nothing moves any more."""
        if self.whole_connection_waits():
            return
        self._judge_lines()
        for lot_id, stock in sorted(self.stage.inventory.lots.items()):
            if wrong := self.returns.judge_rest(lot_id):
                raise Misjudged(2, wrong)
            row = self.stage.store.tables.listings.get(lot_id)
            true = self.stage.books.current[lot_id].total - self.stage.books.sold(lot_id)
            strange = self.strange_pieces(lot_id)
            if stock.quantity != true + strange:
                raise Misjudged(7, f"{lot_id}: inventory has {stock.quantity}, {true + strange} are there")
            if row is not None and row.trouble is not None:
                allowed = {trouble for cause in self.stage.books.causes(lot_id) for trouble in MAY_LEAD_TO[cause]}
                if row.trouble not in allowed:
                    raise Misjudged(7, f"{lot_id} waits for a person without a cause: {row.trouble}")
            elif not strange:
                self._judge_lot(stock, row)

    def waiting(self) -> set[LotId]:
        """Lots that wait for a person: all of them, where nobody knows what an empty list means (rule C5)."""
        listings, all_wait = self.stage.store.tables.listings, bool(self.stage.connection.census_alarm)
        return {lot_id for lot_id, row in listings.items() if all_wait or row.trouble is not None}

    def judge_quiet(self, known: Collection[datetime], waited: Collection[LotId]) -> None:
        """Judge that a lot that came to rest causes no further write (judgement 8).

        `waited`: those that waited for a person then, which a later list may have made needless.
        """
        for stamp, call in self.stage.books.sent.items():
            for sent in call if stamp not in known else ():
                if sent.intent.lot_id not in self.waiting().union(waited):
                    raise Misjudged(8, f"{sent.intent.lot_id} was settled, and is written again")

    def _judge_lines(self) -> None:
        """Each line of a lot's listing is counted, once (judgement 2)."""
        for (order_id, listing_id), line in self.stage.books.lines.items():
            if line.lot_id is None or self._is_strange(listing_id, line.lot_id):
                continue
            there = line.total - line.before - line.moved - self.stage.books.came_back((order_id, listing_id))
            counted = self.stage.inventory.counted.get((order_id, listing_id), 0)
            if counted != there:
                raise Misjudged(2, f"order {order_id}: {counted} of {there} pieces of {line.lot_id} were counted")

    def _is_strange(self, listing_id: ListingId, lot_id: LotId) -> bool:
        """Nobody knows any more whose this listing is or was, for a cause: its lines are for a person to assign."""
        if (SELLER, listing_id) in self.stage.store.tables.owners:
            return False
        if self._is_sold_before_linked(listing_id):
            return True
        causes, row = self.stage.books.causes(lot_id), self.stage.store.tables.listings.get(lot_id)
        asked = row is not None and row.trouble in (Trouble.CREATE_UNEXPLAINED, Trouble.LOOK_ALIKE)
        return not causes.isdisjoint(_MAY_BE_STRANGE) or (asked and Cause.LOOK_ALIKE in causes)

    def _is_sold_before_linked(self, listing_id: ListingId) -> bool:
        """It was there before its lot, and sold out before a census linked the two: whose it was nobody else knew."""
        books, is_linked = self.stage.books, (SELLER, listing_id) in self.stage.store.tables.owners
        if listing_id not in books.entered or is_linked:
            return False
        shown = self.stage.shop.listings().get(listing_id)
        return shown is None or not shown.quantity  # an empty one of nobody's offers nothing (ADR 18)

    def _sold_before_linked(self, lot_id: LotId) -> int:
        lines = self.stage.books.lines.items()
        return sum(line.held for (_, id_), line in lines if line.lot_id == lot_id and self._is_sold_before_linked(id_))

    def strange_pieces(self, lot_id: LotId) -> int:
        """Pieces of a lot that such lines hold: not counted until a person assigns them (rule C4)."""
        lines = self.stage.books.lines.items()
        return sum(
            line.held
            for (_, listing_id), line in lines
            if line.lot_id == lot_id and self._is_strange(listing_id, lot_id)
        )

    def whole_connection_waits(self) -> bool:
        """Tell whether all waits for a person who says what an empty list means (rule C5); raises Misjudged."""
        connection = self.stage.connection
        if connection.census_alarm == "LIST_IS_EMPTY" and not self.stage.shop.listings():
            # Sold out, or what hands removed was the last: by the list alone it may as well be closed (C5).
            waits_for_list = connection.census_reason is not None or connection.list_wanted_at is not None
            # So does a create without an answer: a list that lacks what is asked about already proves nothing (N3).
            unsettled = self.stage.store.tables.unsettled.values()
            waits_for_list = waits_for_list or any(isinstance(intent.write, Create) for intent in unsettled)
            return waits_for_list or self._last_was_removed()
        if connection.halted or connection.census_alarm or connection.confirmed_at is None:
            why = connection.halted or connection.census_alarm or "not confirmed"
            raise Misjudged(7, f"the connection waits for a person: {why}")
        return False

    def _judge_unfit(self, lot_id: LotId, live: Collection[ListingId]) -> None:
        """Judge a lot whose price the shop cannot take: nothing but its price waits, unless it is not listed at all."""
        for group in self.stage.inventory.settled[lot_id].lot_settled.groups:
            waits = group.state != SYNC_STATE_SYNCED
            if live and waits and group.group == FIELD_GROUP_QUANTITY:
                raise Misjudged(7, f"{lot_id}: its quantity waits for a person: {group.reason}")
            if live and not waits and group.group == FIELD_GROUP_PRICE:
                raise Misjudged(7, f"{lot_id}: a price that the shop cannot take is said to be there")

    def _last_was_removed(self) -> bool:
        """Hands removed a listing, or pieces of which the last sold since, and left nothing: the alarm asks, and what
        waits for a list waits for the answer; so where no reply had told of it before (two shops' life 9554).
        """
        rows, by_hand = self.stage.store.tables.listings.values(), {Cause.REMOVAL, Cause.QUANTITY, Cause.UNSEEN}
        return any(row.listing_id and row.ledger and by_hand & self.stage.books.causes(row.lot_id) for row in rows)

    def _judge_lot(self, stock: Stock, row: ListingRow | None) -> None:
        books, lot_id = self.stage.books, stock.lot_id
        wish = books.current[lot_id]
        owners = self.stage.store.tables.owners  # an empty listing of nobody's offers nothing (ADR 18)
        live = {each: pieces for each, pieces in self.live(lot_id).items() if pieces or (SELLER, each) in owners}
        true = wish.pieces(books.sold(lot_id))
        is_absent = not live and (wish.hidden or wish.is_unfit)
        if sum(live.values()) != true and not is_absent:
            raise Misjudged(7, f"{lot_id}: the shop shows {sum(live.values())}, {true} are there")
        groups = self.stage.inventory.settled[lot_id].lot_settled.groups
        if wish.is_unfit:
            self._judge_unfit(lot_id, live)
            return
        in_conflict = [group for group in groups if group.state == SYNC_STATE_CONFLICT]
        shown = self.stage.shop.listings()
        if any(shown[listing_id].item != stock.item for listing_id in live):
            if wish.hidden or in_conflict:
                return  # it would be taken away, and not listed again (rule N4)
            raise Misjudged(7, f"{lot_id} is listed as another item")
        # What a stale list showed as changed, a newer value decided; what the next one shows, looks like another change
        # (S6; Brick Owl's life 6569).
        is_newer = stock.revision > books.stale_at.get(lot_id, stock.revision)
        may_ask = is_newer or not books.causes(lot_id).isdisjoint({Cause.FIELDS, Cause.UNSEEN})
        for group in groups:
            if group.state != SYNC_STATE_SYNCED and not (in_conflict and may_ask):
                raise Misjudged(7, f"{lot_id}: group {group.group} waits for a person: {group.reason}")
            if group.state == SYNC_STATE_SYNCED and group.settled_revision != stock.revision:
                raise Misjudged(7, f"{lot_id}: group {group.group} is not said to be synced at rest")
        for listing_id in live:
            listing = shown[listing_id]
            is_idle = not listing.for_sale and not listing.quantity  # what refills it shows it (Brick Owl's life 3759)
            if listing.for_sale == (wish.hidden or wish.archived) and not is_idle:
                raise Misjudged(7, f"{lot_id} is {'for sale' if listing.for_sale else 'hidden'}")
            if (listing.fields != self.stage.shop.as_shown(stock.fields)) != bool(in_conflict):
                raise Misjudged(
                    7, f"{lot_id}: the shop shows other fields, {len(in_conflict)} groups wait for a person"
                )
            if row is not None and listing.retain != (stock.retain and not self.stage.shop.facts.keeps_sold_out):
                raise Misjudged(7, f"{lot_id} is {'' if listing.retain else 'not '}retained")
