"""The tables that the store reads, as the newest migration leaves them (`syncengine.migrations`).

A field of a row has a column of its name; what is never asked for by its parts is JSON.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

METADATA: Final = MetaData()

_TIME: Final = DateTime(timezone=True)

LEASES: Final = Table(
    "leases",
    METADATA,
    Column("seller_id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("term", BigInteger, nullable=False),
    Column("expires_at", _TIME, nullable=False),
)

CONNECTIONS: Final = Table(
    "connections",
    METADATA,
    Column("seller_id", Text, primary_key=True),
    Column("event_seq", BigInteger, nullable=False),
    Column("connected_at", _TIME),
    Column("enabled", Boolean, nullable=False),
    Column("key_version", BigInteger, nullable=False),
    Column("shop_is_empty", Boolean, nullable=False),
    Column("shop_name", Text, nullable=False),
    Column("currency_code", Text, nullable=False),
    Column("wish_id", Text, nullable=False),
    Column("wished_at", _TIME),
    Column("answered_partitions", ARRAY(Integer), nullable=False),
    Column("answered_at", _TIME),
    Column("baseline_at", _TIME),
    Column("baseline_taken_at", _TIME),
    Column("census_reason", Text),
    Column("census_at", _TIME),
    Column("census_alarm", Text, nullable=False),
    Column("census_missing", BigInteger, nullable=False),
    Column("alarm_answered", Text, nullable=False),
    Column("missing_answered", BigInteger, nullable=False),
    Column("confirmed_at", _TIME),
    Column("hold_increases_until", _TIME),
    Column("list_wanted_at", _TIME),
    Column("list_again_at", _TIME),
    Column("match", JSONB, nullable=False),
    Column("hints_after", Text),
    Column("held_items", JSONB, nullable=False),
    Column("highest_listing_id", BigInteger, nullable=False),
    Column("pinned_name", Text, nullable=False),
    # the same, so that two spellings of one name are equal
    Column("pinned_key", Text, nullable=False),
    Column("pinned_currency", Text, nullable=False),
    Column("pin_proven", Boolean, nullable=False),
    Column("pin_lapsed", Boolean, nullable=False),
    Column("shown_name", Text, nullable=False),
    Column("claimed_name", Text, nullable=False),
    Column("orders_read_at", _TIME),
    Column("all_orders_read_at", _TIME),
    Column("orders_due_at", _TIME),
    Column("ping_token", Text, nullable=False),
    Column("shop_number", Text, nullable=False),
    Column("pings_to", Text, nullable=False),
    Column("pinged_at", _TIME),
    Column("ping_due_at", _TIME),
    Column("ping_free_at", _TIME),
    Column("polled_last", Boolean, nullable=False),
    Column("sends_until", _TIME),
    Column("unread", JSONB, nullable=False),
    Column("poll_at", _TIME),
    Column("paused_at", _TIME),
    Column("asked_calls", BigInteger, nullable=False),
    Column("asked_since", _TIME),
    Column("test_asked_at", _TIME),
    Column("let_in_at", _TIME),
    Column("defaults", JSONB, nullable=False),
    Column("defaults_since", _TIME),
    Column("halted", Text, nullable=False),
    Column("halted_at", _TIME),
    Column("not_before", _TIME),
    Column("writes_not_before", _TIME),
    Column("waiting_for", Text, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("in_vain", Integer, nullable=False),
    Column("slow_at", _TIME),
    Column("last_stamp", _TIME),
    Column("cap", BigInteger),
    Column("capped_at", _TIME),
    Column("batches", JSONB, nullable=False),
    Column("trial_until", _TIME),
    Column("alerted_at", _TIME),
    Column("removals", BigInteger, nullable=False),
    Column("removals_since", _TIME),
    Column("removals_held", BigInteger, nullable=False),
    Column("removals_agreed_at", _TIME),
    Column("due_at", _TIME),
    Column("last_served_at", _TIME),
)

LOSSES: Final = Table("losses", METADATA, Column("found_at", _TIME, nullable=False))

LISTINGS: Final = Table(
    "listings",
    METADATA,
    Column("lot_id", Text, primary_key=True),
    Column("seller_id", Text, nullable=False),
    Column("desired", JSONB, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("counted_seq", BigInteger, nullable=False),
    Column("counted_at", _TIME),
    Column("correlation_id", Text, nullable=False),
    Column("stale", Boolean, nullable=False),
    Column("listing_id", Text),
    Column("gone_id", Text),
    Column("listed_item", JSONB),
    Column("ledger", BigInteger),
    Column("ledger_from", _TIME),
    Column("doubt", BigInteger, nullable=False),
    Column("uncounted", BigInteger, nullable=False),
    Column("recount_seq", BigInteger, nullable=False),
    Column("sales_seq", BigInteger, nullable=False),
    Column("sent", JSONB, nullable=False),
    Column("shown", JSONB, nullable=False),
    Column("conflicts", JSONB, nullable=False),
    Column("sent_for_sale", Boolean, nullable=False),
    Column("hidden_at", _TIME),
    Column("sent_retain", Boolean, nullable=False),
    Column("intent_id", Text),
    Column("unknown", Boolean, nullable=False),
    Column("parked", JSONB, nullable=False),
    Column("apart_at", BigInteger, nullable=False),
    Column("create_with", BigInteger),
    Column("on_trial", ARRAY(Text), nullable=False),
    Column("applied", JSONB, nullable=False),
    Column("trouble", Text),
    Column("theirs", BigInteger),
    Column("unexplained", BigInteger, nullable=False),
    Column("strangers", ARRAY(Text), nullable=False),
    Column("raise_after", _TIME),
    Column("awaited_revision", BigInteger, nullable=False),
    Column("look_since", _TIME),
    Column("observed", JSONB),
    Column("probation", JSONB),
    Column("not_before", _TIME),
    Column("undone", Integer, nullable=False),
    Column("unseen", Integer, nullable=False),
    Column("orders_after", _TIME),
    Column("list_after", _TIME),
    Column("waiting_since", _TIME),
    Column("sold_there", BigInteger, nullable=False),
    Column("settled", JSONB, nullable=False),
    Column("result_seq", BigInteger, nullable=False),
    Column("told", Text, nullable=False),
    # the rank of the next call; null where there is none to make
    Column("tier", SmallInteger),
    # what it is of in inventory's catalogue, where the marketplace has its own
    Column("entry_name", Text),
    Column("unmapped", Boolean, nullable=False),
    # among lots of one rank those are called first whose pieces were sold
    Column("shows_sold", Boolean, nullable=False),
)

LISTING_IDS: Final = Table(
    "listing_ids",
    METADATA,
    Column("seller_id", Text, primary_key=True),
    Column("listing_id", Text, primary_key=True),
    Column("lot_id", Text, nullable=False),
    # whether we made this listing for this lot
    Column("created", Boolean, nullable=False),
)

INTENTS: Final = Table(
    "intents",
    METADATA,
    Column("intent_id", Text, primary_key=True),
    Column("seller_id", Text, nullable=False),
    Column("lot_id", Text, nullable=False),
    Column("term", BigInteger, nullable=False),
    Column("write", JSONB, nullable=False),
    Column("groups", ARRAY(Text), nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("sent_at", _TIME, nullable=False),
    Column("deadline", Interval, nullable=False),
    Column("stamp", _TIME, nullable=False),
    Column("above_listing_id", BigInteger, nullable=False),
    Column("fate", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("answered_at", _TIME),
    Column("newcomers", JSONB),
    Column("listed_at", _TIME),
    Column("list_read_at", _TIME),
    Column("listed_again_at", _TIME),
    Column("settled_at", _TIME),
)

ORDERS: Final = Table(
    "orders",
    METADATA,
    Column("seller_id", Text, primary_key=True),
    Column("order_id", Text, primary_key=True),
    Column("ordered_at", _TIME, nullable=False),
    Column("changed_at", _TIME, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("cut", Boolean, nullable=False),
)

ORDER_LINES: Final = Table(
    "order_lines",
    METADATA,
    Column("seller_id", Text, primary_key=True),
    Column("order_id", Text, primary_key=True),
    Column("listing_id", Text, primary_key=True),
    Column("item", JSONB, nullable=False),
    Column("ordered_at", _TIME, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
    Column("grown_at", _TIME, nullable=False),
    Column("lot_id", Text),
    Column("unowned", Boolean, nullable=False),
)

BOOKINGS: Final = Table(
    "bookings",
    METADATA,
    Column("lot_id", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("pieces", BigInteger, nullable=False),
)

SHOP_LISTINGS: Final = Table(
    "shop_listings",
    METADATA,
    Column("seller_id", Text, primary_key=True),
    Column("listing_id", Text, primary_key=True),
    # the listing's own, to find those that look alike
    Column("item", JSONB, nullable=False),
    Column("listing", JSONB, nullable=False),
    Column("seen_at", _TIME, nullable=False),
    Column("read_at", _TIME),
    Column("missed_at", _TIME),
    Column("missed_again_at", _TIME),
)

COUNTERPARTS: Final = Table(
    "counterparts",
    METADATA,
    Column("seller_id", Text, primary_key=True),
    # the entry's
    Column("name", Text, primary_key=True),
    Column("entry", JSONB, nullable=False),
    Column("found", JSONB),
    Column("candidates", JSONB, nullable=False),
    Column("since", _TIME, nullable=False),
    Column("ask_again_at", _TIME),
)

CALLS: Final = Table(
    "calls",
    METADATA,
    Column("seller_id", Text, primary_key=True),
    Column("limit_name", Text, primary_key=True),
    # when the bucket begins
    Column("bucket_at", _TIME, primary_key=True),
    Column("calls", BigInteger, nullable=False),
    Column("writes", BigInteger, nullable=False),
)

ANSWERED_REQUESTS: Final = Table(
    "answered_requests",
    METADATA,
    Column("seller_id", Text, primary_key=True),
    Column("request_id", Text, primary_key=True),
    # of what was asked: the same id with something else is refused
    Column("digest", LargeBinary, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("answered_at", _TIME, nullable=False),
)
