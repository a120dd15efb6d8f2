"""What is unknown or contradictory about Brick Owl, as switches: every [?] of `marketplaces/brickowl.md` and section 9.

The defaults are what is documented or best attested. A sync that is right must be right under every setting.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

Area = Literal["inventory", "order", "catalog", "token"]


@dataclass(frozen=True, kw_only=True)
class Switches:
    """One shop's answers to the open questions, its quota and its clock."""

    # pydantic reads this when the control API checks a change; the model itself needs no pydantic.
    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid", "use_attribute_docstrings": True}

    # Answers
    success_word: Literal["success", "Success"] = "success"
    """How success is spelled (section 1.1)."""
    error_form: Literal["object", "text"] = "object"
    """Whether `error` is `{"status": text}` or the text alone (section 1.1)."""
    errors_as_http_200: bool = False
    """Send errors as HTTP 200 (9.1)."""
    scalars: Literal["strings", "natural"] = "strings"
    """Whether numbers and flags are JSON strings, or numbers and booleans (section 1: parse both)."""
    empty_map: Literal["list", "object"] = "list"
    """How an empty object looks (section 1)."""
    unknown_id_code: Literal[400, 404] = 400
    """The status for a lot or an order that is not there (section 1.1 and 3.4)."""

    # The list of lots
    list_form: Literal["array", "object"] = "array"
    """Whether the lots come bare, or as `{"inventory": [...]}`, which one client tolerates (section 3.1)."""
    empty_hit: Literal["empty", "error"] = "empty"
    """What asking for one lot that is not there answers: an empty array, or an error (9.11)."""
    active_only_for_one: bool = True
    """Whether `active_only`, 1 unless it is sent, also hides a lot that is asked for by its id (section 3.1)."""
    list_cache_seconds: float = 0
    """How old the list may be, for nothing is said about caching (section 3.1)."""
    tier_form: Literal["pairs", "text"] = "pairs"
    """Whether tiers are shown as pairs or as `q:p,q:p` (9.8)."""
    no_tiers: Literal["list", "null"] = "list"
    """How a lot without tiers shows them (section 3.1)."""
    empty_text: Literal["text", "null"] = "text"
    """How a note without text is shown (section 3.1)."""
    show_lot_weight: bool = False
    """Whether lots show their weight, which is often missing (section 3.1)."""

    # Lots
    create_extra: Literal["ignore", "apply"] = "ignore"
    """What happens to fields of an update that are sent with a create (9.4)."""
    equal_lots: Literal["apart", "merge"] = "apart"
    """Whether a create equal in item, colour, condition and price makes a lot, or adds to the one there is (9.6)."""
    both_identifiers: Literal["refuse", "tag"] = "refuse"
    """What `lot_id` and `external_id` in one update do: 400, or the id is set, as one client believes (section 3.3)."""
    both_quantities: Literal["refuse", "absolute", "relative"] = "refuse"
    """What both quantity fields in one update do: 400, or one of them counts (section 3.3)."""
    below_zero: Literal["refuse", "clamp"] = "refuse"
    """What `relative_quantity` below the stock does: 400, or the lot goes to zero (9.2)."""
    sold_out: Literal["keep", "remove"] = "keep"
    """Whether a lot that sells out stays with no pieces ("all lots kept by the store", section 3.1)."""
    update_color: Literal["ignore", "recolor"] = "ignore"
    """Whether `color_id` in an update changes the lot's colour, as one client claims (section 3.3)."""
    empty_note: Literal["clear", "ignore"] = "clear"
    """What an empty note in an update does (section 3.3)."""
    bulk_of_one: Literal["reset", "refuse"] = "reset"
    """What `bulk_qty` 1 does: documented are numbers above it, clients send it (section 3.3)."""
    tier_rule: Literal["falling", "any"] = "falling"
    """Whether tiers must get cheaper with more pieces ("interact as on BrickLink", gotcha 8)."""
    text_limit: int | None = 255
    """Longest note in characters; null: no limit (9.5)."""
    external_id_limit: int | None = None
    """Longest external id in characters; null: no limit (9.5)."""
    long_text: Literal["refuse", "cut"] = "refuse"
    """What happens to a longer text (9.5)."""
    unique_external_ids: bool = False
    """Refuse an external id that another lot has (9.5)."""
    shared_external_id: Literal["first", "refuse"] = "first"
    """Which lot an update or delete means by an external id of several: the oldest, or none: 400 (9.5)."""
    retired_boids: tuple[str, ...] = ()
    """BOIDs, with colour or without, whose lots can be neither created nor changed (gotcha 9)."""

    # Batches
    knows_batches: bool = True
    """Whether `bulk/batch` is there for this shop, or refused like an endpoint that is not (section 3.5)."""
    batch_creates: Literal["done", "refused"] = "done"
    """Whether a create in a batch is done, which no client shows, or refused (section 3.5)."""
    batch_fields: Literal["all", "absolute_quantity_only"] = "all"
    """Whether an update in a batch stores all; else one with anything but `absolute_quantity` succeeds in word only
    (9.3)."""
    batch_counts: Literal["once", "each"] = "once"
    """Whether a batch counts as one call against the limit of all calls, or as one for each entry (section 3.5)."""

    # Orders
    order_lag_seconds: float = 0
    """How long a new or changed order stays unseen, while its pieces are gone at once."""
    order_direction: Literal["newest_first", "oldest_first"] = "newest_first"
    """Which end comes first, by creation or by the last change as asked (section 4 does not say)."""
    knows_update_time: bool = False
    """Whether `order/list` knows `update_time`, which one client sends: orders changed since then (section 4)."""
    has_store: bool = True
    """Without a store, orders are refused unless `list_type=customer` is sent (section 4)."""
    status_backwards: Literal["refuse", "ignore"] = "refuse"
    """What setting an earlier or equal status does (9.9)."""
    restock_on_cancel: bool = False
    """Whether a cancelled order gives its pieces back unasked (9.10)."""
    merged_order: Literal["emptied", "kept", "unlisted"] = "emptied"
    """What an order shows whose lines went to another: none of them, all of them still, or it is not there any more."""
    merged_lines: Literal["apart", "summed"] = "apart"
    """Whether pieces of a lot that the other order has already come as a line of their own, or in the line there."""
    items_in_order: bool = False
    """Whether `include_items=1` is known to `order/view` (section 4)."""

    # Catalogue
    lookup_form: Literal["bare", "with_colors"] = "bare"
    """Whether `id_lookup` answers bare BOIDs, or coloured ones before them (section 5)."""

    bulk_lookup_form: Literal["items", "keyed", "array"] = "items"
    """How `bulk_lookup` holds its entries: by BOID in `items`, by BOID alone, or as an array (section 5)."""

    # Keys and limits
    missing_rights: tuple[Area, ...] = ()
    """Areas that the key has no right to: 403 (section 1)."""
    calls_per_minute: int = 600
    """Calls in a minute before calls are refused (section 1.2)."""
    batches_per_minute: int = 200
    """Batches in a minute before batches are refused (section 1.2)."""
    quota_window: Literal["sliding", "fixed"] = "sliding"
    """Whether the minute is the last sixty seconds or starts with the clock's (9.7)."""
    send_retry_after: bool = True
    """Whether a call over the limit is told when to come back (9.7)."""
    parallel_limit: int | None = None
    """Answer an HTML 503 to more calls than this at once; null: no limit (six at once were fine, section 1.2)."""
    clock_offset_seconds: float = 0
    """How far the shop's clock is ahead of the machine's; its Date header and times follow."""

    # Push
    notify_ip: str | None = None
    """The host that is told of new orders, as `order/notify` sets it; null: none (section 4)."""
    notify_port: int = 42500
    """The port of it, which the real shop never changes."""
    notify_drop_rate: float = 0
    """The share of pings that never leave, from 0 to 1: delivery is not guaranteed."""
