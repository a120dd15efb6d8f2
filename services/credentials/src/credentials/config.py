"""The service's settings; `CREDENTIALS_DATABASE_URL_FILE` in the environment is `database_url_file` here."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from credentials.domain.lease import LONGEST_LEASE
from servicekit.config import ConfigError


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
    log_level: str = "INFO"

    def __post_init__(self) -> None:
        if not timedelta(0) < self.lease_duration <= LONGEST_LEASE:
            raise ConfigError(
                f"CREDENTIALS_LEASE_DURATION must be above 0 and at most {LONGEST_LEASE.total_seconds():.0f}"
            )
