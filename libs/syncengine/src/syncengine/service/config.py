"""What every sync service is told, whatever its marketplace."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from servicekit.config import SecureUrl


@dataclass(frozen=True, kw_only=True)
class SyncConfig:
    """Settings of a sync service; lengths of time are given in seconds."""

    api_url: SecureUrl
    """Where the marketplace's API begins: keys travel there with every call."""
    listen: str
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
    metrics_listen: str = ""
    """host:port at which Prometheus reads numbers, over plain HTTP; empty: nowhere."""
    log_level: str = "INFO"

    call_deadline: timedelta = timedelta(seconds=30)
    """For one call, from connecting to the last byte of the answer."""
    list_deadline: timedelta = timedelta(seconds=120)
    """For the call that reads the whole shop: large ones take many seconds."""
    late_window: timedelta = timedelta(seconds=60)
    """How long after its deadline a write may still land (rule K1)."""
    lag_window: timedelta = timedelta(minutes=30)
    """How long an order may be missing from the list though its pieces are gone (rules K2, K4, K5, C4)."""
    order_poll_interval: timedelta = timedelta(seconds=20)
    """Between two polls of a shop's fresh orders, where sales are likely and calls abound: the shortest there is."""
    lease: timedelta = timedelta(seconds=150)
    """For how long a worker holds a connection; more than the longest deadline, or that call never starts (rule L2)."""
