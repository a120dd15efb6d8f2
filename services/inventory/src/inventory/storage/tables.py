"""The tables that the code reads, as the newest migration leaves them."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

METADATA: Final = MetaData()

_ID: Final = Uuid(as_uuid=False)
_TIME: Final = DateTime(timezone=True)

SELLERS: Final = Table(
    "sellers",
    METADATA,
    Column("seller_id", Text, primary_key=True),
    Column("currency", Text, nullable=False),
    Column("created_at", _TIME, nullable=False),
)

LOTS: Final = Table(
    "lots",
    METADATA,
    Column("lot_id", _ID, primary_key=True),
    Column("seller_id", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("item_type", Text, nullable=False),
    Column("item_no", Text, nullable=False),
    Column("color_id", Integer, nullable=False),
    Column("condition", Text, nullable=False),
    Column("completeness", Text),
    Column("used_grade", Text),
    Column("quantity", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    Column("sold", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("unit_price", Numeric(9, 4), nullable=False),
    Column("sale_percent", SmallInteger, nullable=False),
    Column("tiers", JSONB, nullable=False),
    Column("bulk", Integer, nullable=False),
    Column("cost", Numeric(11, 4)),
    Column("description", Text, nullable=False),
    Column("remarks", Text, nullable=False),
    Column("stockroom", Text),
    Column("retain", Boolean, nullable=False),
    Column("weight_grams", Numeric(11, 4)),
    Column("location", Text, nullable=False),
    Column("tags", ARRAY(Text), nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("created_at", _TIME, nullable=False),
    Column("updated_at", _TIME, nullable=False),
    Column("counted_at", _TIME, nullable=False),
    # by marketplace, where that is known better
    Column("counted_ats", JSONB, nullable=False, server_default="{}"),
    Column("group_revisions", JSONB, nullable=False),
    # by marketplace, in the lot's own row: whoever waited for its lock then sees the newest (rule Q2)
    Column("counted_seqs", JSONB, nullable=False),
    Column("listing_ids", JSONB, nullable=False),
    Column("created_listing_ids", JSONB, nullable=False, server_default="{}"),
    Column("sold_last", Boolean, nullable=False, server_default="false"),
    Column("sales_frozen", Boolean, nullable=False),
)

CHANGES: Final = Table(
    "changes",
    METADATA,
    Column("change_id", _ID, primary_key=True),
    Column("lot_id", _ID, nullable=False),
    Column("seller_id", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("type", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("recorded_at", _TIME, nullable=False),
    Column("before", JSONB, nullable=False),
    Column("after", JSONB, nullable=False),
    Column("quantity_delta", BigInteger, nullable=False),
    Column("reserved_delta", BigInteger, nullable=False),
    Column("correlation_id", Text, nullable=False),
    # the order line, if one was counted
    Column("marketplace", Text),
    Column("order_id", Text),
    Column("listing_id", Text),
    Column("import_id", _ID),
    Column("bulk_edit_id", _ID),
)

UNDOS: Final = Table(
    "undos",
    METADATA,
    # a second undo of the same change is a key violation
    Column("undoes", _ID, primary_key=True),
    Column("undone_by", _ID, nullable=False),
    # by which step of which operation's undo; null for one that was undone by itself
    Column("operation_id", _ID),
    Column("step", SmallInteger),
)

OPERATION_UNDOS: Final = Table(
    "import_undos",
    METADATA,
    # of an import or of a bulk edit; their ids never meet
    Column("import_id", _ID, key="operation_id", primary_key=True),
    # 1 undoes the operation, 2 undoes that, and so on
    Column("step", SmallInteger, primary_key=True),
    Column("seller_id", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("total_changes", Integer, nullable=False),
    Column("undone_changes", Integer, nullable=False),
    Column("refused_changes", Integer, nullable=False),
    # the oldest change that is done; it goes from the newest to the oldest
    Column("last_change_id", _ID),
    Column("created_at", _TIME, nullable=False),
    Column("moved_at", _TIME, nullable=False),
    Column("finished_at", _TIME),
)

UNDO_REFUSALS: Final = Table(
    "undo_refusals",
    METADATA,
    Column("import_id", _ID, key="operation_id", primary_key=True),
    Column("step", SmallInteger, primary_key=True),
    Column("change_id", _ID, primary_key=True),
    Column("lot_id", _ID, nullable=False),
    Column("reason", Text, nullable=False),
)

REQUESTS: Final = Table(
    "requests",
    METADATA,
    Column("seller_id", Text, primary_key=True),
    # who asked: the API, or an import's own chunks, whose ids no caller can take
    Column("scope", Text, primary_key=True),
    Column("request_id", Text, primary_key=True),
    Column("body_sha256", LargeBinary, nullable=False),
    # null only inside the transaction that answers it
    Column("answer", LargeBinary),
    Column("created_at", _TIME, nullable=False),
)

ORDER_LINES: Final = Table(
    "order_lines",
    METADATA,
    Column("seller_id", Text, primary_key=True),
    Column("marketplace", Text, primary_key=True),
    Column("order_id", Text, primary_key=True),
    Column("listing_id", Text, primary_key=True),
    Column("lot_id", _ID, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("told_total", BigInteger, nullable=False),
    Column("told_returned", BigInteger, nullable=False, server_default="0"),
    # pieces of the total that were taken from the lot; the others were gone when it was counted
    Column("sold", BigInteger, nullable=False, server_default="0"),
    Column("put_back", BigInteger, nullable=False, server_default="0"),
    Column("written_off", BigInteger, nullable=False, server_default="0"),
    Column("seq", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("ordered_at", _TIME, nullable=False),
)

RETURNS: Final = Table(
    "returns",
    METADATA,
    Column("return_id", _ID, primary_key=True),
    Column("seller_id", Text, nullable=False),
    Column("marketplace", Text, nullable=False),
    Column("order_id", Text, nullable=False),
    Column("listing_id", Text, nullable=False),
    Column("lot_id", _ID, nullable=False),
    Column("pieces", BigInteger, nullable=False),
    Column("opened_at", _TIME, nullable=False),
    # null while nobody has said where the pieces are; a line has one open return at most
    Column("closed_at", _TIME),
    # what a person said of it; empty if the shop put the pieces back, or nobody has said anything
    Column("answer", Text, nullable=False, server_default=""),
)

WAITING_SALES: Final = Table(
    "waiting_sales",
    METADATA,
    Column("lot_id", _ID, primary_key=True),
    Column("marketplace", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("seller_id", Text, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("received_at", _TIME, nullable=False),
)

OVERSELLS: Final = Table(
    "oversells",
    METADATA,
    # the sale that found too few pieces
    Column("change_id", _ID, primary_key=True),
    Column("seller_id", Text, nullable=False),
    Column("lot_id", _ID, nullable=False),
    Column("missing", BigInteger, nullable=False),
    # the lot's last orders, newest first, among which the seller must choose
    Column("orders", JSONB, nullable=False),
    Column("recorded_at", _TIME, nullable=False),
)

CONNECTIONS: Final = Table(
    "connections",
    METADATA,
    Column("seller_id", Text, primary_key=True),
    Column("marketplace", Text, primary_key=True),
    Column("baseline_at", _TIME),
    Column("first_heard_at", _TIME, nullable=False),
)

LOT_REPORTS: Final = Table(
    "lot_reports",
    METADATA,
    Column("lot_id", _ID, primary_key=True),
    Column("marketplace", Text, primary_key=True),
    Column("seller_id", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("listing_id", Text, nullable=False),
    Column("desired_revision", BigInteger, nullable=False),
    Column("groups", JSONB, nullable=False),
    Column("is_stale", Boolean, nullable=False),
    Column("updated_at", _TIME, nullable=False),
    # whether a group is in another state than SYNCED and PENDING
    Column(
        "tells_trouble",
        Boolean,
        Computed("""jsonb_path_exists(groups, '$.*.state ? (@ != "SYNCED" && @ != "PENDING")')""", persisted=True),
        nullable=False,
    ),
)

REPUBLICATIONS: Final = Table(
    "republications",
    METADATA,
    Column("seller_id", Text, primary_key=True),
    Column("marketplace", Text, primary_key=True),
    Column("request_id", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("last_lot_id", _ID),
    Column("asked_at", _TIME, nullable=False),
    Column("moved_at", _TIME, nullable=False),
    Column("answered_at", _TIME),
)

RECOVERIES: Final = Table(
    "recoveries",
    METADATA,
    Column("recovery_id", _ID, primary_key=True),
    Column("why", Text, nullable=False),
    # whether a person must say that it may begin
    Column("waits", Boolean, nullable=False),
    # in which the lots' revisions are when it is done; null until it has begun
    Column("epoch", BigInteger),
    Column("last_lot_id", _ID),
    Column("lots", BigInteger, nullable=False),
    Column("found_at", _TIME, nullable=False),
    # null while nothing may be published; there is one such row at most
    Column("finished_at", _TIME),
    # which database it was that was recovered
    Column("identity", Text),
)

IMPORTS: Final = Table(
    "imports",
    METADATA,
    Column("import_id", _ID, primary_key=True),
    Column("seller_id", Text, nullable=False),
    Column("format", Text, nullable=False),
    Column("file_name", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("total_rows", Integer, nullable=False),
    Column("refused_rows", Integer, nullable=False),
    Column("created_rows", Integer, nullable=False),
    # the place of the last row that is done; refused rows between count as done
    Column("last_row", Integer, nullable=False),
    Column("created_at", _TIME, nullable=False),
    Column("moved_at", _TIME, nullable=False),
    Column("finished_at", _TIME),
    # CHECKING, PREVIEW or RUNNING; it keeps that one in which it ended
    Column("stage", Text, nullable=False, server_default="RUNNING"),
    # whether it waits for a person after the check
    Column("preview", Boolean, nullable=False, server_default="false"),
    # the fields of a lot that the file can say, besides item and quantity
    Column("fields", ARRAY(Text), nullable=False, server_default="{}"),
    # rows are judged in their order, so this is also the number of the last one that is
    Column("judged_rows", Integer, nullable=False, server_default="0"),
    Column("duplicate_rows", Integer, nullable=False, server_default="0"),
    Column("ambiguous_rows", Integer, nullable=False, server_default="0"),
    Column("repeated_rows", Integer, nullable=False, server_default="0"),
    Column("updated_rows", Integer, nullable=False, server_default="0"),
    Column("skipped_rows", Integer, nullable=False, server_default="0"),
    # of a preview that nobody confirmed so far
    Column("expires_at", _TIME),
    # the shop that it is from; empty if it is of a file
    Column("marketplace", Text, nullable=False, server_default=""),
    Column("matched_rows", Integer, nullable=False, server_default="0"),
    Column("different_rows", Integer, nullable=False, server_default="0"),
    Column("different_quantity_rows", Integer, nullable=False, server_default="0"),
    Column("different_price_rows", Integer, nullable=False, server_default="0"),
    Column("different_rest_rows", Integer, nullable=False, server_default="0"),
    # lots with pieces that are not in the shop, and that no row may stand for
    Column("unmatched_lots", Integer, nullable=False, server_default="0"),
)

IMPORT_ROWS: Final = Table(
    "import_rows",
    METADATA,
    Column("import_id", _ID, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("line", Integer, nullable=False),
    # the checked fields of the lot to be; null if the row was refused, or not judged yet
    Column("lot", JSONB),
    # the lot that it became or changed
    Column("lot_id", _ID),
    Column("field", Text, nullable=False),
    Column("reason", Text, nullable=False),
    # the row as it was read, until it is judged
    Column("said", JSONB),
    # its turn, where that is not its number: rows that repeat others come after all others
    Column("place", Integer),
    Column("verdict", Text, nullable=False, server_default=""),
    # equal lots as the preview found them
    Column("candidates", JSONB, nullable=False, server_default="[]"),
    # which of them it is a duplicate of, and its pieces then, for sale and set aside
    Column("duplicate_of", _ID),
    Column("quantity_then", BigInteger),
    Column("reserved_then", BigInteger),
    # the number of the row that it repeats
    Column("repeats", Integer),
    Column("choice", Text, nullable=False, server_default=""),
    # in an import from a shop: which one
    Column("listing_id", Text, nullable=False, server_default=""),
    # in which aspects it differs from its lot, and of which of them theirs is taken
    Column("differing", ARRAY(Text), nullable=False, server_default="{}"),
    Column("takes", ARRAY(Text), nullable=False, server_default="{}"),
)

BULK_EDITS: Final = Table(
    "bulk_edits",
    METADATA,
    Column("bulk_edit_id", _ID, primary_key=True),
    Column("seller_id", Text, nullable=False),
    Column("edit", JSONB, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("total_lots", Integer, nullable=False),
    Column("changed_lots", Integer, nullable=False),
    Column("unchanged_lots", Integer, nullable=False),
    Column("refused_lots", Integer, nullable=False),
    # the last lot that is done; they are done by id
    Column("last_lot_id", _ID),
    Column("created_at", _TIME, nullable=False),
    Column("moved_at", _TIME, nullable=False),
    Column("finished_at", _TIME),
)

BULK_EDIT_LOTS: Final = Table(
    "bulk_edit_lots",
    METADATA,
    Column("bulk_edit_id", _ID, primary_key=True),
    Column("lot_id", _ID, primary_key=True),
    # empty unless it was refused
    Column("field", Text, nullable=False, server_default=""),
    Column("reason", Text, nullable=False, server_default=""),
)
