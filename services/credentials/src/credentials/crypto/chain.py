"""The HMACs that chain a seller's lifecycle rows: each is of the row and of the HMAC before it.

The key is the seller's own and wrapped like a data key, so whoever has the tables alone can make none that fits.
"""

import hmac
from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Final, NamedTuple

from credentials.crypto.envelope import Plaintext
from credentials.crypto.framing import framed
from credentials.domain.errors import ChainBroken
from credentials.domain.lifecycle import ChainHead, LifecycleEvent, LifecycleRow, Origin

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


class Link(NamedTuple):
    """A row that has a place in a chain."""

    row: LifecycleRow
    place: ChainHead


def links_of(rows: Iterable[LifecycleRow]) -> list[Link]:
    """The rows that have a place, by place."""
    links = [Link(row, row.place) for row in rows if row.place is not None]
    return sorted(links, key=lambda link: link.place.length)


def newest_vouched(key: Plaintext, rows: Sequence[LifecycleRow], marketplace: str) -> LifecycleEvent | None:
    """The last thing that happened to these keys, as the chain vouches for it; None if nothing ever did.

    `rows` are those of `Lifecycle.list_vouching`. Every row from the newest about these keys to the end of the chain
    must hold; what was before need not, so that a new put mends what was tampered with. Rows from before there were
    chains count as the first row of the chain vouches for them; rows without a place that came later do not count.
    Raises ChainBroken.
    """
    links = links_of(rows)
    start = max([1, *(link.place.length for link in links if link.row.event.marketplace == marketplace)])
    if start > 1:
        before_any: list[LifecycleRow] = []
        before, links = links[0], links[1:]
        if before.place.length != start - 1:
            raise ChainBroken(f"row {start - 1} is missing")
        mac = before.place.mac
    else:
        if not links:
            raise ChainBroken("row 1 is missing")
        before_any = [row for row in rows if row.place is None and row.lifecycle_id < links[0].row.lifecycle_id]
        mac = mac_before_first(key, before_any)
    for position, link in enumerate(links, start):
        mac = mac_of_row(key, position, link.row.event, link.row.origin, before=mac)
        if link.place != ChainHead(length=position, mac=mac):
            raise ChainBroken(f"row {position} is missing or not what was recorded")
    events = [row.event for row in (*before_any, *(link.row for link in links)) if row.event.marketplace == marketplace]
    return events[-1] if events else None


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
