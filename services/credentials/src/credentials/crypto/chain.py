"""The HMACs that chain a seller's lifecycle rows: each is of the row and of the HMAC before it.

The key is the seller's own and wrapped like a data key, so whoever has the tables alone can make none that fits.
"""

import hmac
from collections.abc import Sequence
from datetime import UTC
from typing import Final

from credentials.crypto.envelope import Plaintext
from credentials.crypto.framing import framed
from credentials.domain.lifecycle import LifecycleEvent, LifecycleRow, Origin

_KEY: Final = "brickops credential audit key v1"
_ROW: Final = "brickops credential audit row v1"
_BEFORE: Final = "brickops credential audit rows before v1"


def audit_key_binding(seller_id: str) -> bytes:
    """What a seller's audit key is wrapped for."""
    return framed(_KEY, seller_id)


def mac_of_row(key: Plaintext, position: int, event: LifecycleEvent, origin: Origin, *, before: bytes) -> bytes:
    """The HMAC of the row at this position, 1 for the first; `before` is that of the one before."""
    return _mac(key, framed(_ROW, before, position, *_content(event, origin)))


def mac_before_first(key: Plaintext, unchained: Sequence[LifecycleRow]) -> bytes:
    """What the first row of a chain builds on: the rows from before there were chains, by id."""
    rows = (framed(row.lifecycle_id, *_content(row.event, row.origin)) for row in unchained)
    return _mac(key, framed(_BEFORE, *rows))


def _content(event: LifecycleEvent, origin: Origin) -> tuple[str | int, ...]:
    return (
        event.seller_id,
        event.marketplace,
        event.kind.value,
        event.key_version,
        event.generation,
        event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        event.actor,
        origin.correlation_id,
        origin.certificate,
    )


def _mac(key: Plaintext, content: bytes) -> bytes:
    return hmac.digest(key.reveal(), content, "sha256")
