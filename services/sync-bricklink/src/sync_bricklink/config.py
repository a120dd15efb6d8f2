"""The service's settings, read from variables that begin with SYNC_BRICKLINK_."""

from dataclasses import dataclass

from authlib.common.security import is_secure_transport

from servicekit.config import ConfigError
from syncengine.service.config import SyncConfig


@dataclass(frozen=True, kw_only=True)
class Config(SyncConfig):
    """Settings of sync-bricklink."""

    api_url: str = "https://api.bricklink.com/api/store/v1"
    """Where the shop's API begins; host and port are part of every signature. https, or http on this machine."""
    listen: str = "127.0.0.1:50053"
    calls_per_day: int = 5000
    """What the shop allows in any 24 hours, all kinds of calls (rule B1)."""

    def __post_init__(self) -> None:
        if not is_secure_transport(self.api_url):  # or authlib would refuse to sign, call by call
            raise ConfigError("SYNC_BRICKLINK_API_URL must begin with https://, or be http:// on this machine")
