"""Forgetting answers that were kept for repeats: nobody repeats a request weeks later, and each keeps a wrapped key.

Run by the role that owns the tables, once a day or so, while commands are answered.
"""

from datetime import datetime, timedelta
from typing import Final

import psycopg

_FORGET: Final = """
    DELETE FROM requests WHERE (seller_id, request_id) IN (
        SELECT seller_id, request_id FROM requests WHERE answered_at < %(before)s
        ORDER BY answered_at LIMIT %(batch)s FOR UPDATE SKIP LOCKED
    )
"""


def forget_requests(url: str, *, now: datetime, kept_for: timedelta, batch: int) -> int:
    """Forgets requests that were answered `kept_for` ago or earlier; answers how many.

    Each batch is a transaction of its own, so that nobody waits for long and what was done is kept if it is killed; a
    key that is being wrapped anew is left to the next run. `url` is that of the role that owns the tables. Raises
    psycopg.Error.
    """
    forgotten = 0
    with psycopg.connect(url, autocommit=True, options="-c lock_timeout=10s") as connection:
        while True:
            found = connection.execute(_FORGET, {"before": now - kept_for, "batch": batch}).rowcount
            forgotten += found
            if found < batch:
                return forgotten
