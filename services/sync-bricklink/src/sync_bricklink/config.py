"""The service's settings, read from variables that begin with SYNC_BRICKLINK_."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from authlib.common.security import is_secure_transport

from servicekit.config import ConfigError


@dataclass(frozen=True, kw_only=True)
class Config:
    """Settings of sync-bricklink; lengths of time are given in seconds."""

    api_url: str = "https://api.bricklink.com/api/store/v1"
    """Where the shop's API begins; host and port are part of every signature. https, or http on this machine."""
    listen: str = "127.0.0.1:50053"
    """host:port of its gRPC server."""
    tls_ca_file: Path
    tls_certificate_file: Path
    tls_key_file: Path
    database_url_file: Path
    """A file with the URL of the role that may read and write rows."""
    owner_database_url_file: Path | None = None
    """A file with the URL of the role that owns the tables; only `migrate` needs it."""
    kafka_bootstrap: str
    kafka_security_file: Path | None = None
    """JSON with aiokafka's security_protocol, sasl_* and ssl_cafile."""
    credentials_address: str = "127.0.0.1:50052"
    """host:port of the credentials service, which lends the keys."""
    log_level: str = "INFO"

    calls_per_day: int = 5000
    """What the shop allows in any 24 hours, all kinds of calls (rule B1)."""
    call_deadline: timedelta = timedelta(seconds=30)
    """For one call, from connecting to the last byte of the answer."""
    list_deadline: timedelta = timedelta(seconds=120)
    """For the call that reads the whole shop: large ones take many seconds."""
    late_window: timedelta = timedelta(seconds=60)
    """How long after its deadline a write may still land (rule K1)."""
    lag_window: timedelta = timedelta(minutes=30)
    """How long an order may be missing from the list though its pieces are gone (rules K2, K4, K5, C4)."""
    order_poll_interval: timedelta = timedelta(seconds=100)
    """Between two looks at the open orders of a shop: 864 of its daily calls."""
    lease: timedelta = timedelta(seconds=150)
    """For how long a worker holds a connection; more than the longest deadline, or that call never starts (rule L2)."""

    def __post_init__(self) -> None:
        if not is_secure_transport(self.api_url):  # or authlib would refuse to sign, call by call
            raise ConfigError("SYNC_BRICKLINK_API_URL must begin with https://, or be http:// on this machine")
