"""Create the tables: lots, the append-only change log, requests, sales, reports, imports, and the outbox."""

from alembic import op
from alembic.operations import Operations

from servicekit.consumer import create_consumer_tables
from servicekit.outbox import create_outbox

revision = "0001"
down_revision = None

APP_ROLE = "inventory"

LOTS = """
CREATE TABLE sellers (
    seller_id text PRIMARY KEY,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    created_at timestamptz NOT NULL
);

CREATE TABLE lots (
    lot_id uuid PRIMARY KEY,
    seller_id text NOT NULL,
    revision bigint NOT NULL CHECK (revision >= 1),
    item_type text NOT NULL,
    item_no text NOT NULL,
    color_id integer NOT NULL,
    condition text NOT NULL,
    completeness text,
    used_grade text,
    quantity bigint NOT NULL,
    reserved bigint NOT NULL CHECK (reserved >= 0),
    sold bigint NOT NULL,
    currency text NOT NULL,
    unit_price numeric(9, 4) NOT NULL CHECK (unit_price > 0),
    sale_percent smallint NOT NULL,
    tiers jsonb NOT NULL,
    bulk integer NOT NULL,
    cost numeric(11, 4),
    description text NOT NULL,
    remarks text NOT NULL,
    stockroom text,
    retain boolean NOT NULL,
    weight_grams numeric(11, 4),
    location text NOT NULL,
    tags text[] NOT NULL,
    archived boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    counted_at timestamptz NOT NULL,
    group_revisions jsonb NOT NULL,
    counted_seqs jsonb NOT NULL,
    listing_ids jsonb NOT NULL,
    sales_frozen boolean NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX lots_by_seller ON lots (seller_id, lot_id);
CREATE INDEX lots_by_item ON lots (seller_id, item_no, item_type, color_id, condition);
"""

CHANGES = """
CREATE TABLE changes (
    change_id uuid PRIMARY KEY,
    lot_id uuid NOT NULL,
    seller_id text NOT NULL,
    revision bigint NOT NULL,
    type text NOT NULL,
    source text NOT NULL,
    actor text NOT NULL,
    reason text NOT NULL,
    recorded_at timestamptz NOT NULL,
    before jsonb NOT NULL,
    after jsonb NOT NULL,
    quantity_delta bigint NOT NULL,
    reserved_delta bigint NOT NULL,
    correlation_id text NOT NULL,
    marketplace text,
    order_id text,
    listing_id text,
    import_id uuid,
    UNIQUE (lot_id, revision)
);
CREATE INDEX changes_by_seller ON changes (seller_id, change_id);
CREATE INDEX changes_by_lot ON changes (lot_id, change_id);
CREATE INDEX changes_by_import ON changes (import_id, change_id) WHERE import_id IS NOT NULL;

CREATE FUNCTION refuse_to_alter_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'recorded changes are never altered or removed';
END $$;
CREATE TRIGGER changes_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON changes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_alter_history();
"""

REQUESTS = """
CREATE TABLE requests (
    seller_id text NOT NULL,
    scope text NOT NULL,
    request_id text NOT NULL,
    body_sha256 bytea NOT NULL,
    answer bytea,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (seller_id, scope, request_id)
);
"""

SALES = """
CREATE TABLE order_lines (
    seller_id text NOT NULL,
    marketplace text NOT NULL,
    order_id text NOT NULL,
    listing_id text NOT NULL,
    lot_id uuid NOT NULL,
    total bigint NOT NULL,
    told_total bigint NOT NULL,
    seq bigint NOT NULL,
    kind text NOT NULL,
    ordered_at timestamptz NOT NULL,
    cut boolean NOT NULL,
    PRIMARY KEY (seller_id, marketplace, order_id, listing_id)
);
CREATE INDEX order_lines_by_lot ON order_lines (lot_id, ordered_at);

CREATE TABLE waiting_sales (
    lot_id uuid NOT NULL,
    marketplace text NOT NULL,
    seq bigint NOT NULL,
    seller_id text NOT NULL,
    value bytea NOT NULL,
    correlation_id text NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (lot_id, marketplace, seq)
);

CREATE TABLE oversells (
    change_id uuid PRIMARY KEY,
    seller_id text NOT NULL,
    lot_id uuid NOT NULL,
    missing bigint NOT NULL CHECK (missing > 0),
    orders jsonb NOT NULL,
    recorded_at timestamptz NOT NULL
);
CREATE INDEX oversells_by_seller ON oversells (seller_id, change_id);
"""

SHOPS = """
CREATE TABLE connections (
    seller_id text NOT NULL,
    marketplace text NOT NULL,
    baseline_at timestamptz,
    first_heard_at timestamptz NOT NULL,
    PRIMARY KEY (seller_id, marketplace)
);

CREATE TABLE lot_reports (
    lot_id uuid NOT NULL,
    marketplace text NOT NULL,
    seller_id text NOT NULL,
    seq bigint NOT NULL,
    listing_id text NOT NULL,
    desired_revision bigint NOT NULL,
    groups jsonb NOT NULL,
    is_stale boolean NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (lot_id, marketplace)
) WITH (fillfactor = 80);

CREATE TABLE republications (
    seller_id text NOT NULL,
    marketplace text NOT NULL,
    request_id text NOT NULL,
    seq bigint NOT NULL,
    correlation_id text NOT NULL,
    last_lot_id uuid,
    asked_at timestamptz NOT NULL,
    moved_at timestamptz NOT NULL,
    answered_at timestamptz,
    PRIMARY KEY (seller_id, marketplace, request_id)
);
CREATE INDEX republications_waiting ON republications (moved_at) WHERE answered_at IS NULL;
"""

IMPORTS = """
CREATE TABLE imports (
    import_id uuid PRIMARY KEY,
    seller_id text NOT NULL,
    format text NOT NULL,
    file_name text NOT NULL,
    currency text NOT NULL,
    actor text NOT NULL,
    correlation_id text NOT NULL,
    total_rows integer NOT NULL,
    refused_rows integer NOT NULL,
    created_rows integer NOT NULL,
    last_row integer NOT NULL,
    created_at timestamptz NOT NULL,
    moved_at timestamptz NOT NULL,
    finished_at timestamptz
);
CREATE INDEX imports_by_seller ON imports (seller_id, import_id);
CREATE INDEX imports_running ON imports (moved_at) WHERE finished_at IS NULL;

CREATE TABLE import_rows (
    import_id uuid NOT NULL,
    number integer NOT NULL,
    line integer NOT NULL,
    lot jsonb,
    lot_id uuid,
    field text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (import_id, number),
    CHECK ((lot IS NULL) = (reason <> ''))
);
CREATE INDEX import_rows_refused ON import_rows (import_id, number) WHERE reason <> '';
"""


def upgrade() -> None:
    for tables in (LOTS, CHANGES, REQUESTS, SALES, SHOPS, IMPORTS):
        op.execute(tables)
    operations = Operations(op.get_context())
    create_outbox(operations, app_role=APP_ROLE)
    create_consumer_tables(operations, app_role=APP_ROLE)
    op.execute(f"GRANT SELECT, INSERT ON changes, oversells, sellers TO {APP_ROLE}")
    op.execute(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON lots, requests, order_lines, waiting_sales, connections, lot_reports,"
        f" republications, imports, import_rows TO {APP_ROLE}"
    )
