"""Our own mark on a listing, where a marketplace keeps one: for which lot, and by which attempt of it (rule N2)."""

from datetime import UTC, datetime, timedelta

from syncengine.listing import LotId

_BETWEEN = "."
_STEP = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def mark_of(lot_id: LotId, stamp: datetime) -> str:
    """Make the mark of one attempt: stamps rise strictly from call to call of one key, also over a lost database."""
    return f"{lot_id}{_BETWEEN}{(stamp - _EPOCH) // _STEP}"


def lot_of_mark(external_id: str) -> LotId | None:
    """Read which lot a listing was made for; None if the text is not of our form."""
    lot_id, between, attempt = external_id.rpartition(_BETWEEN)
    return LotId(lot_id) if between and lot_id and attempt.isdigit() else None
