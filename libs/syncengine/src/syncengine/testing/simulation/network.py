"""All calls to a seller's shop: which accident strikes next, what has landed, what is still on its way."""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random

from syncengine.listing import Listing, ListingId, ListRead
from syncengine.marketplace import Applied, Create, Outcome, Ticket, Write
from syncengine.settings import Settings
from syncengine.testing.clock import HandClock
from syncengine.testing.simulation.model import ShopModel


class Accident(StrEnum):
    """What may become of one call."""

    LOST_BEFORE = "request lost"
    LOST_AFTER = "reply lost"
    LATE = "landed late"
    LATEST = "landed as late as can be"
    ERROR_BEFORE = "503 before"
    ERROR_AFTER = "503 after"
    BUSY = "429"
    BUSY_UNTIL = "429 with Retry-After"
    SLOW = "slow"
    CUT_SHORT = "answer to a batch cut short"
    EMPTY_LIST = "empty list"
    SHORT_LIST = "short list"
    STALE_LIST = "stale list"


class Kind(StrEnum):
    """What a call is for: which accidents can strike it."""

    WRITE = "write"
    READ = "read"
    LIST = "list"
    """The whole shop."""


ACCIDENTS = {
    Kind.WRITE: (
        *(Accident.LOST_BEFORE, Accident.LOST_AFTER, Accident.LATE, Accident.ERROR_BEFORE, Accident.ERROR_AFTER),
        *(Accident.BUSY, Accident.BUSY_UNTIL, Accident.SLOW),
    ),
    Kind.READ: (Accident.LOST_BEFORE, Accident.ERROR_BEFORE, Accident.BUSY),
    Kind.LIST: (Accident.EMPTY_LIST, Accident.SHORT_LIST, Accident.STALE_LIST, Accident.LOST_BEFORE),
}

ACCIDENTS_OF_BATCHES = {Kind.WRITE: (Accident.CUT_SHORT,)}
"""Where each thing of a call has an outcome of its own."""

_WAY = timedelta(milliseconds=30)
"""How long a call is under way at least: a shop's dates are whole milliseconds."""

MOST_SHORT_LISTS = 2
"""Running that lack something: the rules believe three that agree, and no number would do if all may be short (N3)."""

_KEPT = 50
"""States of the shop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """A write that reached the shop."""

    write: Write
    stamp: datetime
    outcome: Outcome
    at: datetime
    before: int
    after: int
    listing_id: ListingId | None
    model: ShopModel


@dataclass(slots=True, kw_only=True)
class Network:
    """What lies between the workers and the shops that their keys open."""

    models: dict[int, ShopModel]
    """By key version: new keys may be another shop's by mistake."""
    clock: HandClock
    settings: Settings
    random: Random
    intended: Callable[[Ticket, Write], None]
    """Told of each write at the moment at which its call begins."""
    arrived: Callable[[Ticket, bool], None]
    """Told of each call that reaches a shop, before anything comes of it, and whether it is a write."""
    landed: Callable[[Landing], None]
    listed: Callable[[Accident | None, ListRead], None]
    """Told of each list of the whole shop, and of the accident that makes it show another one than there is."""
    accidents: dict[Kind, deque[Accident]] = field(default_factory=lambda: {kind: deque() for kind in Kind})
    struck: Counter[str] = field(default_factory=Counter)
    late: list[tuple[datetime, Sequence[Write], Ticket, ShopModel]] = field(default_factory=list)
    stamps: set[datetime] = field(default_factory=set)
    calls: deque[datetime] = field(default_factory=deque)
    """Of ours that the shop counted, by its clock."""
    charged: deque[datetime] = field(default_factory=deque)
    """The same by when they were charged, which their stamps tell: a worker may have stood still since."""
    batches: deque[datetime] = field(default_factory=deque)
    """Those of our calls that asked for several things."""
    others_calls: deque[datetime] = field(default_factory=deque)
    """Of another tool with the same keys."""
    refused: deque[datetime] = field(default_factory=deque)
    """Of ours that the shop refused because its quota was used up."""
    wrong_key_until: datetime | None = None
    closed_until: datetime | None = None
    """A closed shop lists nothing; else it is as ever."""
    short_lists: int = 0
    """Since one last showed all there is."""
    earlier: deque[tuple[datetime, tuple[Listing, ...]]] = field(default_factory=deque)
    """What the shop held, each from some moment on."""

    def next_accident(self, kind: Kind) -> Accident | None:
        """Take the first accident meant for such a call."""
        waiting = self.accidents[kind]
        if not waiting:
            return None
        accident = waiting.popleft()
        self.struck[accident] += 1
        return accident

    def take_call(self, ticket: Ticket, model: ShopModel, *, write: bool, things: int = 1) -> bool:
        """Count a call that asks for so many things as the shop does; false if its quota is used up."""
        self.clock.turn(_WAY)
        self.land_late_ones()  # what should have landed by now is there for this call
        now, limit = self.clock.now(), model.facts.limit
        self.calls.extend([now] * model.counts(things))
        self.charged.extend([min(now, ticket.stamp)] * model.counts(things))
        if things > 1 and model.batch_limit is not None:
            self.batches.append(now)
        self.arrived(ticket, write)
        self.stamps.add(ticket.stamp)
        while self.batches and self.batches[0] <= now - limit.window:
            self.batches.popleft()
        while self.charged and self.charged[0] <= now - limit.window:
            self.charged.popleft()
        over = things > 1 and model.batch_limit is not None and len(self.batches) > model.batch_limit
        if over or self.calls_since(now - limit.window) > limit.calls:
            self.refused.append(now)
            self.struck["429 by quota"] += 1
            return False
        return True

    def calls_since(self, since: datetime) -> int:
        """Count what the shop counts, ours and others'."""
        for calls in (self.calls, self.others_calls):
            while calls and calls[0] <= since:
                calls.popleft()
        return len(self.calls) + len(self.others_calls)

    def key_is_wrong(self) -> bool:
        """Tell whether the shop refuses these keys now."""
        if not self.key_is_wrong_now():
            return False
        self.struck["401"] += 1
        return True

    def key_is_wrong_now(self) -> bool:
        """Tell, without a call, whether the shop would refuse these keys."""
        return self.wrong_key_until is not None and self.clock.now() < self.wrong_key_until

    def is_closed(self) -> bool:
        """Tell whether the shop lists nothing now."""
        if self.closed_until is None or self.clock.now() >= self.closed_until:
            return False
        self.struck["list of a closed shop"] += 1
        return True

    def remember_list(self, model: ShopModel) -> None:
        """Keep what the shop holds now, for lists that come a moment late."""
        held = tuple(model.listings().values())
        if not self.earlier or self.earlier[-1][1] != held:
            self.earlier.append((self.clock.now(), held))
            if len(self.earlier) > _KEPT:
                self.earlier.popleft()

    def earlier_list(self) -> tuple[Listing, ...] | None:
        """What the shop held at some moment within the late window."""
        since = self.clock.now() - self.settings.late_window * self.random.random()
        held = [listings for at, listings in self.earlier if at <= since]
        return held[-1] if held else None

    def calm_down(self) -> None:
        """No accidents any more."""
        for waiting in self.accidents.values():
            waiting.clear()
        self.closed_until = None

    def land(self, writes: Sequence[Write], ticket: Ticket, model: ShopModel) -> Sequence[Outcome]:
        """Let a call reach its shop: one write, or several."""
        if len(writes) == 1:
            return [self._land(writes[0], ticket, model)]
        before = model.listings()
        outcomes, touched = model.write_all(writes, self.clock.now())
        kind = "creates" if isinstance(writes[0], Create) else "updates"
        self.struck[f"several {kind} in one call"] += 1
        after = model.listings()
        for write, listing_id in zip(writes, touched, strict=True):
            if listing_id is not None:
                self.landed(
                    Landing(
                        write=write,
                        stamp=ticket.stamp,
                        outcome=Applied(),
                        at=self.clock.now(),
                        before=before[listing_id].quantity if listing_id in before else 0,
                        after=after[listing_id].quantity if listing_id in after else 0,
                        listing_id=listing_id,
                        model=model,
                    )
                )
        return outcomes

    def _land(self, write: Write, ticket: Ticket, model: ShopModel) -> Outcome:
        before = model.listings()
        outcome = model.write(write, self.clock.now())
        after = model.listings()
        listing_id = next(iter(after.keys() - before.keys()), None) if isinstance(write, Create) else write.listing_id
        self.landed(
            Landing(
                write=write,
                stamp=ticket.stamp,
                outcome=outcome,
                at=self.clock.now(),
                before=before[listing_id].quantity if listing_id in before else 0,
                after=after[listing_id].quantity if listing_id in after else 0,
                listing_id=listing_id,
                model=model,
            )
        )
        return outcome

    def land_late(
        self, writes: Sequence[Write], ticket: Ticket, model: ShopModel, *, deadline: datetime, latest: bool
    ) -> None:
        """Let a call reach its shop at some moment up to the end of the late window, or just then (rule K1).

        The window begins at the call's deadline, not a deadline after the call got here: that is all that K1 counts on.
        """
        share, now = 1 if latest else self.random.random(), self.clock.now()
        self.late.append((now + share * (deadline + self.settings.late_window - now), writes, ticket, model))

    def land_late_ones(self) -> None:
        """Let writes land whose time has come."""
        if not self.late:
            return
        now = self.clock.now()
        due = sorted((each for each in self.late if each[0] <= now), key=lambda each: each[0])
        self.late = [each for each in self.late if each[0] > now]
        for _, writes, ticket, model in due:
            self.land(writes, ticket, model)
