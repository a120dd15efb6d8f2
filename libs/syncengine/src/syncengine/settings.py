"""The engine's times and sizes."""

from dataclasses import dataclass
from datetime import timedelta

STAMP_LEAD = timedelta(seconds=60)
"""How far stamps may run ahead of the clock unless configured otherwise; stamps forgotten in a loss were no later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The engine's times and sizes; tests shorten them."""

    late_window: timedelta = timedelta(seconds=60)
    """In which a write may still land after its deadline (rule K1)."""
    lag_window: timedelta = timedelta(minutes=30)
    """In which an order may be missing from the list though its pieces are gone (rules K2, K4, C4)."""
    order_poll_interval: timedelta = timedelta(seconds=20)
    """Between two polls, where sales are likely and calls abound: the shortest there is."""
    order_poll_longest: timedelta = timedelta(minutes=15)
    """Between two polls, where sales are unlikely or calls scarce; a shop with very few calls is polled less often."""
    full_order_interval: timedelta = timedelta(hours=6)
    """Between two reads of every page of orders where nothing else asked for one."""
    census_interval: timedelta = timedelta(days=1)
    """Between two matches of the whole shop."""
    halt_probe_interval: timedelta = timedelta(hours=1)
    """Between two tries of a halted connection (rule O2)."""
    call_deadline: timedelta = timedelta(seconds=30)
    """For one write or small read."""
    list_deadline: timedelta = timedelta(seconds=120)
    """For one read of the whole shop, or of a page of orders."""
    reply_patience: timedelta = timedelta(seconds=10)
    """How long the reply to a read, but of the whole shop, or to a change of one listing is waited for at first: with
    each two failures in a row twice as long, up to the deadline. One that never comes would else keep all else of the
    connection waiting for that long. What a write may still do counts from its deadline all the same (rule K1)."""
    slow_for: timedelta = timedelta(hours=1)
    """How long replies are waited for until the deadline at once after one came that took longer than that."""
    lease: timedelta = timedelta(seconds=150)
    """How long a worker owns a connection without renewing; longer than any deadline plus the margin."""
    lease_margin: timedelta = timedelta(seconds=5)
    """Which the lease must outlive a call's deadline by (rule L2)."""
    stamp_lead: timedelta = STAMP_LEAD
    """How far a call's stamp may run ahead of the clock (rule B4)."""
    stamp_rest: timedelta = timedelta(seconds=10)
    """How long no call is made once they ran so far: it frees a stamp a second, for a job of several calls."""
    anchor_doubt: timedelta = timedelta(seconds=10)
    """Orders this close to the read that began a ledger may or may not be in it (rule Q1)."""
    backoff_base: timedelta = timedelta(seconds=1)
    """The first pause after a failed call; doubles up to backoff_cap, with full jitter (rule O3)."""
    backoff_cap: timedelta = timedelta(minutes=10)
    """The longest such pause."""
    reserved_share: float = 0.2
    """Of the budget: looks and order reads own it (rule B2)."""
    look_share: float = 0.04
    """Of the budget: so much of it no write uses, however many calls order reads have taken."""
    quota_answers: int = 4
    """After so many failures in a row a quota answer is believed to speak of the whole window (rule B3)."""
    creates_together_from: int = 10
    """From so many waiting creates on, one call makes several listings; and of changes likewise (rule N2)."""
    first_together: int = 3
    """Of a kind of call that the shop has yet to be seen to do, the first has so many (rule N2)."""
    answered_look_after: timedelta = timedelta(seconds=15)
    """After which what an answered call did is looked at: listings that were made without telling us their ids, one
    list may find many, and decreases that were turned away."""
    list_look_from: int = 4
    """From so many lots to look at on, one read of the whole list serves them all."""
    removals_free: int = 20
    """So many removals a day that no sale caused need nobody's consent (rule B5)."""
    removals_free_share: float = 0.1
    """Of a shop's listings: the same, for large shops."""
    ping_share: float = 0.08
    """Of a shop's calls: so many polls may pings bring forward (rule B3); under half of what polls have."""
    pings_at_once: int = 20
    """So many of them without a pause."""
    asked_share: float = 0.02
    """Of a shop's calls: so many reads may people ask for ahead of their time (rule B3)."""
    may_send: bool = True
    """False: an operator has stopped all writes; reads go on (design, Flags)."""
