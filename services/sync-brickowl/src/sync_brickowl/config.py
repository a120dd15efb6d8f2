"""The service's settings, read from variables that begin with SYNC_BRICKOWL_."""

from dataclasses import dataclass
from ipaddress import ip_address

from servicekit.config import ConfigError, SecureUrl
from syncengine.service.config import SyncConfig


@dataclass(frozen=True, kw_only=True)
class Config(SyncConfig):
    """Settings of sync-brickowl."""

    api_url: SecureUrl = SecureUrl("https://api.brickowl.com/v1")
    listen: str = "127.0.0.1:50054"
    calls_per_minute: int = 600
    """What the shop allows in any minute, all kinds of calls (rule B1)."""
    batches_per_minute: int = 200
    """Of these, calls that ask for several things."""
    ping_ip: str = ""
    """The address of ours that shops are asked to send their pings to, always to port 42500; empty: none is asked."""

    def __post_init__(self) -> None:
        try:
            ip_address(self.ping_ip or "::")
        except ValueError:
            raise ConfigError("SYNC_BRICKOWL_PING_IP must be an IP address") from None
