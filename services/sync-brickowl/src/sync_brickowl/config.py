"""The service's settings, read from variables that begin with SYNC_BRICKOWL_."""

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from servicekit.config import ConfigError
from syncengine.service.config import SyncConfig

_HERE = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, kw_only=True)
class Config(SyncConfig):
    """Settings of sync-brickowl."""

    api_url: str = "https://api.brickowl.com/v1"
    """Where the shop's API begins. https, or http on this machine: the key travels in every call."""
    listen: str = "127.0.0.1:50054"
    calls_per_minute: int = 600
    """What the shop allows in any minute, all kinds of calls (rule B1)."""
    batches_per_minute: int = 200
    """Of these, calls that ask for several things."""
    ping_ip: str = ""
    """The address of ours that shops are asked to send their pings to, always to port 42500; empty: none is asked."""

    def __post_init__(self) -> None:
        url = urlsplit(self.api_url)
        if not url.hostname or (url.scheme != "https" and not (url.scheme == "http" and url.hostname in _HERE)):
            raise ConfigError("SYNC_BRICKOWL_API_URL must begin with https://, or be http:// on this machine")
        if self.ping_ip and not _is_ip(self.ping_ip):
            raise ConfigError("SYNC_BRICKOWL_PING_IP must be an IP address")


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
