"""What the engine remembers of what the shop and its catalogue hold."""

from dataclasses import dataclass
from datetime import datetime

from syncengine.listing import CatalogEntry, Listing, SellerId


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterpart:
    """What the marketplace's own catalogue has for an entry of inventory's."""

    seller_id: SellerId
    entry: CatalogEntry
    found: CatalogEntry | None
    """None: nothing, or several; a person may say which."""
    candidates: tuple[CatalogEntry, ...] = ()
    """Where there are several: which."""
    since: datetime
    """When it was first asked for."""
    ask_again_at: datetime | None = None
    """None: what was found, and what a person said, stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopListing:
    """A listing as the last census saw it, owned or not (rule C2)."""

    seller_id: SellerId
    listing: Listing
    seen_at: datetime
    read_at: datetime | None = None
    """When its pieces were counted, by the shop's clock (rule S7): the read, or the latest order known to be in them.
    None: older code did not say."""
    missed_at: datetime | None = None
    """When a list was read that lacks it: it may be short (rule N3)."""
    missed_again_at: datetime | None = None
    """When a second one was, a late window or more after it: it is gone, or sold in an order that may be late."""
