"""What reading orders ends with in any shop: lines summed by listing, and a word that changes when they may have."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

from syncengine.listing import ListingId, OrderLine


def summed(lines: Iterable[OrderLine]) -> tuple[OrderLine, ...]:
    """Sum lines by listing: one can be in an order several times."""
    sums: dict[ListingId, OrderLine] = {}
    for line in lines:
        before = sums.get(line.listing_id)
        sums[line.listing_id] = replace(before, quantity=before.quantity + line.quantity) if before else line
    return tuple(sums.values())


def fingerprint_of(telling: Sequence[object]) -> str:
    """Condense what changes with an order's lines; into a digest, for the shop's words are not stored (rule O1)."""
    return hashlib.sha256(json.dumps(telling, default=str).encode()).hexdigest()
