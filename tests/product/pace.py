"""How fast the product goes under test: windows that a sandbox, which never lists an order late unasked, allows."""

from collections.abc import Mapping

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
