"""Choosing the next call: the best waiting one that may be made, and what may go with it (rules B2, C2, C4, N1, N2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from syncengine.alike import look_alikes
from syncengine.batches import is_usable, kinds_of, may_go_with, most_together
from syncengine.budget import writes_left
from syncengine.guard import held_removals
from syncengine.lane import Lane
from syncengine.listing import Group, Item, ListingId, LotId
from syncengine.marketplace import Create
from syncengine.plan import Send, Tier
from syncengine.rows.connection import ConnectionRow, Spent, list_wanted
from syncengine.rows.listing import ListingRow, Trouble
from syncengine.sendable import sendable
from syncengine.settings import Settings
from syncengine.settle import perhaps_listed
from syncengine.store.protocol import Transaction
from syncengine.unread import tried_at

_CANDIDATES = 20


@dataclass(slots=True, kw_only=True)
class Choice:
    """Lots whose calls may be made now, all by one call, and lots that were put off before them."""

    lane: Lane
    tx: Transaction
    connection: ConnectionRow
    chosen: list[tuple[ListingRow, Send]] = field(default_factory=list)
    put_off: list[ListingRow] = field(default_factory=list)
    _creating: dict[Item, datetime] | None = None
    """Items of creates whose outcome is open, and when it may be known."""
    _known: dict[LotId, Mapping[ListingId, bool]] = field(default_factory=dict)
    """Every listing that lots ever had, as far as was asked."""

    async def make(self) -> None:
        """Choose. Raises PausedError if what the best one waits for may not be read now."""
        await self._guard()
        tx, connection, now = self.tx, self.connection, self.lane.clock.now()
        tiers = free_tiers(connection, now)
        for row in await tx.next_listings(connection.seller_id, tiers=tiers, now=now, limit=_CANDIDATES):
            if await self._takes(row):
                break
        if self.chosen:
            await self._add_others()

    async def _add_others(self) -> None:
        """Let other creates, or other changes, go in the same call, if they are many (rule N2)."""
        (first, send), settings, now = self.chosen[0], self.lane.settings, self.lane.clock.now()
        facts, makes = self.lane.shop.facts, isinstance(send.write, Create)
        free = writes_left(self.connection, facts, settings, Spent())
        at_once = most_together(first, send.write, self.connection, facts, settings, free=free)
        if at_once == 1:
            return
        usable = is_usable(self.connection, facts, kinds_of(first, send.write, self.connection, settings) or ())
        sought = max(at_once, settings.creates_together_from)
        others = await self.tx.next_listings(first.seller_id, tiers=[send.tier], now=now, limit=sought + _CANDIDATES)
        if makes:
            self._known |= await self._ids_of(*others)
        put_off = list(self.put_off)
        for row in others:
            if len(self.chosen) == sought:
                break
            if row.lot_id == first.lot_id or makes != (row.listing_id is None) or row.create_with != first.create_with:
                continue
            if makes and _reading_for(row, self.connection, settings, now) is not None:
                continue
            if await self._takes(row):
                taken, its = self.chosen[-1]
                kinds = kinds_of(taken, its.write, self.connection, settings)
                if makes != isinstance(its.write, Create) or not may_go_with(kinds, usable, self.connection, facts):
                    self.chosen.pop()
        if len(self.chosen) < settings.creates_together_from:
            self.chosen, self.put_off = self.chosen[:1], put_off
        del self.chosen[at_once:]

    async def _takes(self, row: ListingRow) -> bool:
        """Choose this lot's call if it may be made, else put the lot off."""
        lane, now, backoff = self.lane, self.lane.clock.now(), self.lane.settings.backoff_base
        late, held = _late_orders_until(row, self.connection, lane.settings), self.connection.hold_increases_until
        row, planned = sendable(row, self.connection, lane.shop.facts, may_increase=held is None and late is None)
        if not isinstance(planned, Send):
            if late is not None and late <= now:
                await self._save(replace(self.connection, poll_at=now))
            at = max(late or held or now, now + backoff)
            self.put_off.append(replace(row, not_before=at if late is None else tried_at(self.connection, at)))
            return False
        if planned.tier in (Tier.CREATE, Tier.INCREASE) and Group.QUANTITY in planned.groups:
            creating = await self._items_being_created()
            open_until = creating.get(row.desired.item)
            if open_until is not None and isinstance(planned.write, Create):  # rule N1
                self.put_off.append(replace(row, not_before=max(open_until, now + backoff)))
                return False
            if row.desired.item in self.connection.held_items and open_until is None:  # rule C4
                self.put_off.append(replace(row, trouble=Trouble.ORDER_UNASSIGNED))
                return False
        if isinstance(planned.write, Create):
            if (waiting := await self._waits_to_be_created(row)) is not None:
                self.put_off.append(waiting)
                return False
            (await self._items_being_created())[row.desired.item] = now + lane.settings.answered_look_after
        self.chosen.append((row, planned))
        return True

    async def _waits_to_be_created(self, row: ListingRow) -> ListingRow | None:
        """Return a lot that cannot be created yet as it waits, or None: it can."""
        lane, now = self.lane, self.lane.clock.now()
        if await look_alikes(self.tx, row, lane.shop.facts):  # rule C2: first matched to unowned listings
            return replace(row, trouble=Trouble.LOOK_ALIKE)
        if row.lot_id not in self._known:
            self._known |= await self._ids_of(row)
        if (suspect := perhaps_listed(row, self._known[row.lot_id], now)) is not None:
            return suspect
        if (reading := _reading_for(row, self.connection, lane.settings, now)) is not None:
            await lane.check_write_is_free(self.tx, self.connection, after=len(lane.shop.facts.order_pages))
            await self._save(reading)
            return replace(row, not_before=tried_at(self.connection, now + lane.settings.backoff_base))
        return None

    async def _ids_of(self, *rows: ListingRow) -> dict[LotId, Mapping[ListingId, bool]]:
        ids = await self.tx.listing_ids_of([row.lot_id for row in rows])
        return {row.lot_id: ids.get(row.lot_id, {}) for row in rows}

    async def _items_being_created(self) -> dict[Item, datetime]:
        if self._creating is None:
            under_way = await self.tx.creates_under_way(self.connection.seller_id, self.lane.settings)
            self._creating = dict(under_way)
        return self._creating

    async def _guard(self) -> None:
        """Hold removals that no sale caused, or let them go, as many as wait now (rule B5)."""
        connection = self.connection
        waiting = await self.tx.count_calls(connection.seller_id, Tier.REMOVAL)
        if not waiting and not connection.removals_held:
            return
        listed, now = await self.tx.count_listed(connection.seller_id), self.lane.clock.now()
        held = held_removals(connection, self.lane.settings, waiting=waiting, listed=listed, now=now)
        if held != connection.removals_held:
            await self._save(replace(connection, removals_held=held))

    async def _save(self, connection: ConnectionRow) -> None:
        self.connection = connection
        await self.tx.save_connection(connection)


def free_tiers(connection: ConnectionRow, now: datetime) -> Sequence[Tier]:
    """List what may be sent at all: late orders may hold creates, a person's missing consent removals (C4, B5).

    While the first call of several of a kind is looked at, what such calls might carry waits, for seconds (N2).
    """
    held = {Tier.CREATE} if connection.hold_increases_until is not None else set()
    if connection.removals_held:
        held.add(Tier.REMOVAL)
    if connection.trial_until is not None and now < connection.trial_until:
        held |= {Tier.CREATE, Tier.PRICE, Tier.TEXT, Tier.REST}
    return [tier for tier in Tier if tier not in held]


def _late_orders_until(row: ListingRow, connection: ConnectionRow, settings: Settings) -> datetime | None:
    """Say later than when orders must be read before anything is increased, as late ones may change it (rule K4).

    Its number is new and may be explained by them, or a decrease of ours emptied it: a shop that clamps below zero
    answers the same whether pieces had just been sold or not.
    """
    emptied_at = row.orders_after if row.listing_id is not None else None
    moments = [row.raise_after, None if emptied_at is None else emptied_at + settings.lag_window]
    until, read_at = max(filter(None, moments), default=None), connection.all_orders_read_at
    return None if until is None or (read_at is not None and read_at > until) else until


def _reading_for(row: ListingRow, connection: ConnectionRow, settings: Settings, now: datetime) -> ConnectionRow | None:
    """Ask for what a create must wait for, a fresh order read or a whole list (rules N4, Q4); None: for nothing."""
    read_at, listed_at = connection.all_orders_read_at, None if connection.census_alarm else connection.census_at
    if row.orders_after is not None and (
        read_at is None or read_at <= max(row.orders_after, now - settings.call_deadline)
    ):
        return replace(connection, poll_at=now)
    if row.list_after is not None and (listed_at is None or listed_at <= row.list_after):
        return list_wanted(connection, now)
    return None
