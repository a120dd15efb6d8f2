"""The service's settings; `CREDENTIALS_DATABASE_URL_FILE` in the environment is `database_url_file` here."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from credentials.domain.lease import LONGEST_LEASE
from servicekit.config import ConfigError

SHORTEST_LEASE_LOG = timedelta(days=90)
"""The database drops nothing younger (migration 0007)."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Secrets are named by the files that hold them."""

    listen: str = "127.0.0.1:50052"
    tls_ca_file: Path
    tls_certificate_file: Path
    tls_key_file: Path
    database_url_file: Path
    """The role that serves; it owns no table."""
    owner_database_url_file: Path | None = None
    """The role that owns the tables; `migrate` alone needs it."""
    kafka_bootstrap: str
    kafka_security_file: Path | None = None
    connections_topic: str = "brickops.connections.v1"
    keyring_file: Path
    lease_duration: timedelta = timedelta(minutes=15)
    """Above 0 and at most LONGEST_LEASE."""
    rotation_batch: int = 100
    """How many keys `rotate-kek` wraps anew in one transaction, and after how many records `rotate-data` reports."""
    lease_log_kept: timedelta = timedelta(days=400)
    """How long a month of the lease log is kept after its end; at least SHORTEST_LEASE_LOG."""
    requests_kept: timedelta = timedelta(days=30)
    """How long the answer to a request is kept for a repeat, which is done anew after that; at least a day."""
    metrics_listen: str = ""
    """host:port at which Prometheus reads numbers, over plain HTTP; empty: nowhere."""
    log_level: str = "INFO"

    def __post_init__(self) -> None:
        if self.lease_log_kept < SHORTEST_LEASE_LOG:
            raise ConfigError(f"CREDENTIALS_LEASE_LOG_KEPT must be at least {SHORTEST_LEASE_LOG.total_seconds():.0f}")
        if self.requests_kept < timedelta(days=1):
            raise ConfigError("CREDENTIALS_REQUESTS_KEPT must be at least 86400")
        if self.rotation_batch < 1:
            raise ConfigError("CREDENTIALS_ROTATION_BATCH must be at least 1")
        if not timedelta(0) < self.lease_duration <= LONGEST_LEASE:
            raise ConfigError(
                f"CREDENTIALS_LEASE_DURATION must be above 0 and at most {LONGEST_LEASE.total_seconds():.0f}"
            )
