"""The service's settings, read from variables that begin with SYNC_BRICKLINK_."""

from dataclasses import dataclass

from servicekit.config import SecureUrl
from syncengine.service.config import SyncConfig


@dataclass(frozen=True, kw_only=True)
class Config(SyncConfig):
    """Settings of sync-bricklink."""

    api_url: SecureUrl = SecureUrl("https://api.bricklink.com/api/store/v1")
    """Its host and port are part of every signature."""
    listen: str = "127.0.0.1:50053"
    calls_per_day: int = 5000
    """What the shop allows in any 24 hours, all kinds of calls (rule B1)."""
