"""The engine's tables, as a service's Alembic migrations make them.

What a released migration calls is never changed: later changes of the tables are further functions.
"""

from alembic.operations import Operations

_CONNECTIONS = """
CREATE TABLE leases (
    seller_id text PRIMARY KEY,
    owner text NOT NULL,
    term bigint NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE TABLE connections (
    seller_id text PRIMARY KEY,
    event_seq bigint NOT NULL,
    connected_at timestamptz,
    enabled boolean NOT NULL,
    key_version bigint NOT NULL,
    shop_is_empty boolean NOT NULL,
    shop_name text NOT NULL,
    currency_code text NOT NULL,
    wish_id text NOT NULL,
    wished_at timestamptz,
    answered_partitions integer[] NOT NULL,
    answered_at timestamptz,
    baseline_at timestamptz,
    baseline_taken_at timestamptz,
    census_reason text,
    census_at timestamptz,
    census_alarm text NOT NULL,
    confirmed_at timestamptz,
    hold_increases_until timestamptz,
    match jsonb NOT NULL,
    held_items jsonb NOT NULL,
    highest_listing_id bigint NOT NULL,
    pinned_name text NOT NULL,
    pinned_key text NOT NULL,
    pinned_currency text NOT NULL,
    pin_proven boolean NOT NULL,
    orders_read_at timestamptz,
    all_orders_read_at timestamptz,
    halted text NOT NULL,
    halted_at timestamptz,
    not_before timestamptz,
    writes_not_before timestamptz,
    waiting_for text NOT NULL,
    failures integer NOT NULL,
    last_stamp timestamptz,
    cap bigint,
    due_at timestamptz,
    last_served_at timestamptz
) WITH (fillfactor = 50);
CREATE INDEX connections_by_due ON connections (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX connections_by_pin ON connections (pinned_key) WHERE enabled;

CREATE TABLE losses (
    found_at timestamptz NOT NULL
);

CREATE TABLE calls (
    seller_id text NOT NULL,
    limit_name text NOT NULL,
    bucket_at timestamptz NOT NULL,
    calls bigint NOT NULL,
    PRIMARY KEY (seller_id, limit_name, bucket_at)
);
"""

_LISTINGS = """
CREATE TABLE listings (
    lot_id text PRIMARY KEY,
    seller_id text NOT NULL,
    desired jsonb NOT NULL,
    revision bigint NOT NULL,
    counted_seq bigint NOT NULL,
    counted_at timestamptz,
    correlation_id text NOT NULL,
    stale boolean NOT NULL,
    listing_id text,
    ledger bigint,
    ledger_from timestamptz,
    doubt bigint NOT NULL,
    uncounted bigint NOT NULL,
    recount_seq bigint NOT NULL,
    sales_seq bigint NOT NULL,
    sent jsonb NOT NULL,
    shown jsonb NOT NULL,
    sent_for_sale boolean NOT NULL,
    sent_retain boolean NOT NULL,
    intent_id text,
    unknown boolean NOT NULL,
    parked jsonb NOT NULL,
    apart_at bigint NOT NULL,
    applied jsonb NOT NULL,
    trouble text,
    theirs bigint,
    look_since timestamptz,
    observed jsonb,
    probation jsonb,
    not_before timestamptz,
    settled jsonb NOT NULL,
    result_seq bigint NOT NULL,
    told text NOT NULL,
    tier smallint
) WITH (fillfactor = 80);
CREATE INDEX listings_by_seller ON listings (seller_id, lot_id);
CREATE INDEX listings_to_call ON listings (seller_id, tier, lot_id)
    WHERE tier IS NOT NULL AND intent_id IS NULL AND look_since IS NULL;
CREATE INDEX listings_put_off ON listings (seller_id, not_before NULLS FIRST, tier)
    WHERE tier IS NOT NULL AND intent_id IS NULL AND look_since IS NULL;
CREATE INDEX listings_to_look_at ON listings (seller_id)
    WHERE unknown OR ((look_since IS NOT NULL OR probation IS NOT NULL) AND intent_id IS NULL);

CREATE TABLE listing_ids (
    seller_id text NOT NULL,
    listing_id text NOT NULL,
    lot_id text NOT NULL,
    created boolean NOT NULL,
    PRIMARY KEY (seller_id, listing_id)
);
CREATE INDEX listing_ids_by_lot ON listing_ids (lot_id);

CREATE TABLE shop_listings (
    seller_id text NOT NULL,
    listing_id text NOT NULL,
    item jsonb NOT NULL,
    listing jsonb NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (seller_id, listing_id)
);
CREATE INDEX shop_listings_by_item ON shop_listings (seller_id, item);

CREATE TABLE intents (
    intent_id text PRIMARY KEY,
    seller_id text NOT NULL,
    lot_id text NOT NULL,
    term bigint NOT NULL,
    write jsonb NOT NULL,
    groups text[] NOT NULL,
    revision bigint NOT NULL,
    correlation_id text NOT NULL,
    sent_at timestamptz NOT NULL,
    deadline interval NOT NULL,
    stamp timestamptz NOT NULL,
    above_listing_id bigint NOT NULL,
    fate text NOT NULL,
    reason text NOT NULL,
    newcomers jsonb,
    listed_at timestamptz,
    list_read_at timestamptz,
    settled_at timestamptz
);
CREATE INDEX intents_open ON intents (seller_id, sent_at) WHERE settled_at IS NULL;
CREATE INDEX intents_by_lot ON intents (lot_id, sent_at);
"""

_ORDERS = """
CREATE TABLE orders (
    seller_id text NOT NULL,
    order_id text NOT NULL,
    ordered_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    fingerprint text NOT NULL,
    cut boolean NOT NULL,
    PRIMARY KEY (seller_id, order_id)
);

CREATE TABLE order_lines (
    seller_id text NOT NULL,
    order_id text NOT NULL,
    listing_id text NOT NULL,
    item jsonb NOT NULL,
    ordered_at timestamptz NOT NULL,
    total bigint NOT NULL,
    seen bigint NOT NULL,
    cut boolean NOT NULL,
    grown_at timestamptz NOT NULL,
    lot_id text,
    unowned boolean NOT NULL,
    PRIMARY KEY (seller_id, order_id, listing_id)
);
CREATE INDEX order_lines_by_listing ON order_lines (seller_id, listing_id);

CREATE TABLE bookings (
    lot_id text NOT NULL,
    seq bigint NOT NULL,
    pieces bigint NOT NULL,
    PRIMARY KEY (lot_id, seq)
);
"""


def create_engine_tables(op: Operations, *, app_role: str) -> None:
    """Create all tables of the engine, for use in a migration; `app_role` is the role that the service runs as."""
    for tables in (_CONNECTIONS, _LISTINGS, _ORDERS):
        op.execute(tables)
    op.execute(f'GRANT SELECT, INSERT ON losses, bookings TO "{app_role}"')
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON shop_listings, calls TO "{app_role}"')
    op.execute(
        "GRANT SELECT, INSERT, UPDATE ON leases, connections, listings, listing_ids, intents, orders, order_lines"
        f' TO "{app_role}"'
    )


_ALL_RULES = """
ALTER TABLE connections
    ADD COLUMN list_wanted_at timestamptz,
    ADD COLUMN polled_last boolean NOT NULL DEFAULT false,
    ADD COLUMN poll_at timestamptz,
    ADD COLUMN capped_at timestamptz,
    ADD COLUMN alerted_at timestamptz,
    ADD COLUMN removals bigint NOT NULL DEFAULT 0,
    ADD COLUMN removals_since timestamptz,
    ADD COLUMN removals_held bigint NOT NULL DEFAULT 0,
    ADD COLUMN removals_agreed_at timestamptz;

ALTER TABLE listings
    ADD COLUMN gone_id text,
    ADD COLUMN listed_item jsonb,
    ADD COLUMN conflicts jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN orders_after timestamptz,
    ADD COLUMN list_after timestamptz;
UPDATE listings SET desired = desired || '{"currency_code": "", "sold_out": false}';
UPDATE listings SET tier = tier + 1 WHERE tier > 1;

UPDATE order_lines SET seen = 0
FROM orders WHERE orders.cut AND orders.seller_id = order_lines.seller_id AND orders.order_id = order_lines.order_id;
ALTER TABLE order_lines DROP COLUMN cut;
CREATE INDEX order_lines_ownerless ON order_lines (seller_id) WHERE lot_id IS NULL;
"""


def extend_for_all_rules(op: Operations) -> None:
    """Add what returns, conflicts, changed items, the guard and the shop's own limits need (S4, F2, N4, B3, B5).

    Removals that no sale caused have a rank of their own since then, so the ranks behind them move by one.
    """
    op.execute(_ALL_RULES)


_PERSONS = """
ALTER TABLE connections
    ADD COLUMN census_missing bigint NOT NULL DEFAULT 0,
    ADD COLUMN alarm_answered text NOT NULL DEFAULT '',
    ADD COLUMN missing_answered bigint NOT NULL DEFAULT 0,
    ADD COLUMN paused_at timestamptz,
    ADD COLUMN asked_calls bigint NOT NULL DEFAULT 0,
    ADD COLUMN asked_since timestamptz;

ALTER TABLE listings
    ADD COLUMN unexplained bigint NOT NULL DEFAULT 0,
    ADD COLUMN strangers text[] NOT NULL DEFAULT '{}',
    ADD COLUMN raise_after timestamptz,
    ADD COLUMN awaited_revision bigint NOT NULL DEFAULT 0,
    ADD COLUMN waiting_since timestamptz;
UPDATE listings SET waiting_since = now() WHERE tier IS NOT NULL;
UPDATE listings SET unexplained = theirs - ledger
    WHERE trouble = 'NUMBER_UNEXPLAINED' AND theirs IS NOT NULL AND ledger IS NOT NULL;
CREATE INDEX listings_for_a_person ON listings (seller_id, lot_id)
    WHERE trouble IS NOT NULL OR parked <> '{}' OR conflicts <> '{}';

CREATE INDEX intents_by_seller ON intents (seller_id, sent_at);

CREATE TABLE answered_requests (
    seller_id text NOT NULL,
    request_id text NOT NULL,
    digest bytea NOT NULL,
    answer bytea NOT NULL,
    answered_at timestamptz NOT NULL,
    PRIMARY KEY (seller_id, request_id)
);
"""


def extend_for_answers(op: Operations, *, app_role: str) -> None:
    """Add what a person's answers need: pauses, what they said of lots and alarms, and each request answered once."""
    op.execute(_PERSONS)
    op.execute(f'GRANT SELECT, INSERT ON answered_requests TO "{app_role}"')


_MANY_LOTS = """
ALTER TABLE listings ADD COLUMN create_with bigint;
UPDATE listings SET observed = observed || '{"contradicts": false}' WHERE observed IS NOT NULL;
ALTER TABLE intents ADD COLUMN answered_at timestamptz;
ALTER TABLE calls ADD COLUMN writes bigint NOT NULL DEFAULT 0;
"""


def extend_for_many_lots(op: Operations) -> None:
    """Add what calls need that make several listings, and an account of writes beside that of all calls (N2, B2)."""
    op.execute(_MANY_LOTS)


_CATALOGUES = """
ALTER TABLE listings
    ADD COLUMN entry_name text,
    ADD COLUMN unmapped boolean NOT NULL DEFAULT false;
CREATE INDEX listings_by_entry ON listings (seller_id, entry_name) WHERE entry_name IS NOT NULL;
CREATE INDEX listings_unmapped ON listings (seller_id, entry_name) WHERE unmapped;

CREATE TABLE counterparts (
    seller_id text NOT NULL,
    name text NOT NULL,
    entry jsonb NOT NULL,
    found jsonb,
    since timestamptz NOT NULL,
    ask_again_at timestamptz,
    PRIMARY KEY (seller_id, name)
);
"""


def extend_for_catalogues(op: Operations, *, app_role: str) -> None:
    """Add what lots are of in a marketplace's own catalogue (N2, C2)."""
    op.execute(_CATALOGUES)
    op.execute(f'GRANT SELECT, INSERT, UPDATE ON counterparts TO "{app_role}"')


def extend_for_shop_imports(op: Operations) -> None:
    """Add when the pieces of a shop's listings were counted (S7)."""
    op.execute("ALTER TABLE shop_listings ADD COLUMN read_at timestamptz")


_SECOND_LISTS = """
ALTER TABLE connections ADD COLUMN list_again_at timestamptz;
ALTER TABLE intents ADD COLUMN listed_again_at timestamptz;
ALTER TABLE shop_listings
    ADD COLUMN missed_at timestamptz,
    ADD COLUMN missed_again_at timestamptz;
"""


def extend_for_second_lists(op: Operations) -> None:
    """Add when what one list lacked is looked for again (N3, C2)."""
    op.execute(_SECOND_LISTS)


def extend_for_renamed_shops(op: Operations) -> None:
    """Add what a person says of a shop whose name is another than the connection's (W1)."""
    op.execute(
        "ALTER TABLE connections"
        " ADD COLUMN shown_name text NOT NULL DEFAULT '', ADD COLUMN claimed_name text NOT NULL DEFAULT ''"
    )


def extend_for_batches(op: Operations) -> None:
    """Add what calls of several things were seen to do (N2)."""
    op.execute("""
        ALTER TABLE connections ADD COLUMN batches jsonb NOT NULL DEFAULT '{}', ADD COLUMN trial_until timestamptz
    """)
    op.execute("ALTER TABLE listings ADD COLUMN on_trial text[] NOT NULL DEFAULT '{}'")


def extend_for_defaults(op: Operations) -> None:
    """Add what a seller wants fields to be that inventory does not say."""
    op.execute("""
        ALTER TABLE connections
            ADD COLUMN defaults jsonb NOT NULL DEFAULT '{}', ADD COLUMN defaults_since timestamptz
    """)


def extend_for_candidates(op: Operations) -> None:
    """Add which entries an item may be there, and how far it was asked what listings of no lot are here (S7)."""
    op.execute("ALTER TABLE counterparts ADD COLUMN candidates jsonb NOT NULL DEFAULT '[]'")
    op.execute("ALTER TABLE connections ADD COLUMN hints_after text")


def extend_for_hidden_listings(op: Operations) -> None:
    """Add since when a listing has been hidden (N2, K4)."""
    op.execute("ALTER TABLE listings ADD COLUMN hidden_at timestamptz")


_LAPSED_PINS = """
ALTER TABLE connections ADD COLUMN pin_lapsed boolean NOT NULL DEFAULT false;
UPDATE connections SET pin_lapsed = true
FROM connections AS other
WHERE connections.enabled AND other.enabled
    AND connections.pinned_key <> '' AND other.pinned_key = connections.pinned_key
    AND (other.connected_at, other.seller_id) < (connections.connected_at, connections.seller_id);
"""


def extend_for_lapsed_pins(op: Operations) -> None:
    """Add whose pin counts where two sellers came to have one shop: not that of the one who was enabled later (W1)."""
    op.execute(_LAPSED_PINS)


def extend_for_tested_keys(op: Operations) -> None:
    """Add when somebody asked whether the keys open the shop, and what came of it (B1)."""
    op.execute("ALTER TABLE connections ADD COLUMN test_asked_at timestamptz, ADD COLUMN let_in_at timestamptz")


_POLLING = """
ALTER TABLE connections ADD COLUMN orders_due_at timestamptz;
CREATE INDEX orders_by_time ON orders (seller_id, ordered_at);
"""


def extend_for_polling(op: Operations) -> None:
    """Add when orders are read next, and a way to the orders of the last weeks, which say so."""
    op.execute(_POLLING)


_PINGS = """
ALTER TABLE connections
    ADD COLUMN ping_token text NOT NULL DEFAULT '',
    ADD COLUMN shop_number text NOT NULL DEFAULT '',
    ADD COLUMN pings_to text NOT NULL DEFAULT '',
    ADD COLUMN pinged_at timestamptz,
    ADD COLUMN ping_due_at timestamptz,
    ADD COLUMN ping_free_at timestamptz;
CREATE UNIQUE INDEX connections_by_ping ON connections (ping_token) WHERE ping_token <> '';
CREATE INDEX connections_by_number ON connections (shop_number) WHERE shop_number <> '';
"""


def extend_for_pings(op: Operations) -> None:
    """Add what pings need: how they name a connection, and the polls that they bring forward (B3)."""
    op.execute(_PINGS)


def extend_for_forgotten_requests(op: Operations, *, app_role: str) -> None:
    """Let requests be forgotten that were answered long ago."""
    op.execute(f'GRANT DELETE ON answered_requests TO "{app_role}"')


_PATIENCE = """
ALTER TABLE connections
    ADD COLUMN in_vain integer NOT NULL DEFAULT 0,
    ADD COLUMN slow_at timestamptz,
    ADD COLUMN sends_until timestamptz;
ALTER TABLE listings ADD COLUMN undone integer NOT NULL DEFAULT 0, ADD COLUMN unseen integer NOT NULL DEFAULT 0;
"""


def extend_for_patience(op: Operations) -> None:
    """Add how long replies are waited for, what reads leave to writes, how often a lot's calls failed in a row (O3)."""
    op.execute(_PATIENCE)


_SALES_FIRST = """
ALTER TABLE listings
    ADD COLUMN sold_there bigint NOT NULL DEFAULT 0,
    ADD COLUMN shows_sold boolean NOT NULL DEFAULT false;
CREATE INDEX listings_to_call_sold_first ON listings (seller_id, tier, shows_sold DESC, lot_id)
    WHERE tier IS NOT NULL AND intent_id IS NULL AND look_since IS NULL;
DROP INDEX listings_to_call;
"""


def extend_for_sales_first(op: Operations) -> None:
    """Add which lots are offered though they were sold: they are called first of their rank (B2)."""
    op.execute(_SALES_FIRST)


def extend_for_unread_orders(op: Operations) -> None:
    """Add which orders' lines could not be read (S1)."""
    op.execute("ALTER TABLE connections ADD COLUMN unread jsonb NOT NULL DEFAULT '{}'")
