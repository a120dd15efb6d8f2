"""How fast the product goes under test, and under how much load.

Windows are as short as a sandbox allows, which never lists an order late unasked.
"""

import os
from collections.abc import Mapping

LONG = bool(os.environ.get("LONG"))
"""`make chaos LONG=1`: with the load of a rough day."""

QUICK: Mapping[str, Mapping[str, str]] = {
    "sync-bricklink": {
        "SYNC_BRICKLINK_LATE_WINDOW": "1",
        "SYNC_BRICKLINK_LAG_WINDOW": "2",
        "SYNC_BRICKLINK_ORDER_POLL_INTERVAL": "1",
    },
    "sync-brickowl": {
        "SYNC_BRICKOWL_LATE_WINDOW": "1",
        "SYNC_BRICKOWL_LAG_WINDOW": "2",
        "SYNC_BRICKOWL_ORDER_POLL_INTERVAL": "1",
    },
}
"""`overrides` for `temporary_stack`; times in seconds."""

# A killed worker's lease is waited for, a withheld reply until its deadline, what was sent before a loss until it must
# have landed (rule C1), and only then may a look tell anything: what takes minutes at a real shop takes seconds here.
# The lease must outlast the longest deadline by 5 s (rule L2). A poll that is due again when it ends leaves writes no
# turn, as it would on a busy machine if it came more often.
HURRIED: Mapping[str, Mapping[str, str]] = {
    "sync-bricklink": {
        "SYNC_BRICKLINK_CALL_DEADLINE": "3",
        "SYNC_BRICKLINK_LIST_DEADLINE": "3",
        "SYNC_BRICKLINK_LEASE": "8",
        "SYNC_BRICKLINK_LATE_WINDOW": "3",
        "SYNC_BRICKLINK_LAG_WINDOW": "2",
        "SYNC_BRICKLINK_ORDER_POLL_INTERVAL": "4",
    },
    "sync-brickowl": {
        "SYNC_BRICKOWL_CALL_DEADLINE": "3",
        "SYNC_BRICKOWL_LIST_DEADLINE": "3",
        "SYNC_BRICKOWL_LEASE": "8",
        "SYNC_BRICKOWL_LATE_WINDOW": "3",
        "SYNC_BRICKOWL_LAG_WINDOW": "2",
        "SYNC_BRICKOWL_ORDER_POLL_INTERVAL": "4",
        # Windows a tenth as long make ten times as many reads a minute: polls would wait for their share of it (B2).
        "SYNC_BRICKOWL_CALLS_PER_MINUTE": "600" if LONG else "6000",
    },
}
"""The same for tests that kill, lose and hold things up."""
