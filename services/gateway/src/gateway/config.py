"""What the gateway may be told from outside."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from servicekit.config import ConfigError
from servicekit.mtls import TlsFiles

_ADDRESS = re.compile(r".+:[0-9]{1,5}")


@dataclass(frozen=True, kw_only=True)
class Config:
    """Settings of one gateway process; read from variables that start with `GATEWAY_`."""

    tls_ca_file: Path
    tls_certificate_file: Path
    tls_key_file: Path
    listen_http: str = "127.0.0.1:8080"
    listen_pings: str = ""
    """host:port for Brick Owl's pings, which come by plain HTTP to port 42500 (empty: none are taken)."""
    inventory_address: str = "127.0.0.1:50051"
    credentials_address: str = "127.0.0.1:50052"
    sync_bricklink_address: str = "127.0.0.1:50053"
    sync_brickowl_address: str = "127.0.0.1:50054"
    issuer_url: str = "http://127.0.0.1:8081"
    audience: str = "brickops"
    marketplaces: str = "bricklink,brickowl"
    drain: timedelta = timedelta(seconds=15)
    metrics_listen: str = ""
    """host:port at which Prometheus reads numbers, over plain HTTP; empty: nowhere."""
    log_level: str = "INFO"

    def __post_init__(self) -> None:
        if not _ADDRESS.fullmatch(self.listen_http):
            raise ConfigError("GATEWAY_LISTEN_HTTP must be host:port")
        if self.listen_pings and not _ADDRESS.fullmatch(self.listen_pings):
            raise ConfigError("GATEWAY_LISTEN_PINGS must be host:port")
        if unknown := sorted(self._named_marketplaces - self._known_marketplaces.keys()):
            known = ", ".join(self._known_marketplaces)
            raise ConfigError(f"GATEWAY_MARKETPLACES names {', '.join(unknown)}; known: {known}")

    @property
    def tls(self) -> TlsFiles:
        """The certificate that the services behind know the gateway by."""
        return TlsFiles(ca=self.tls_ca_file, certificate=self.tls_certificate_file, key=self.tls_key_file)

    @property
    def sync_addresses(self) -> Mapping[str, str]:
        """Where the sync service of each marketplace answers."""
        return {name: address for name, address in self._known_marketplaces.items() if name in self._named_marketplaces}

    @property
    def _known_marketplaces(self) -> Mapping[str, str]:
        return {"bricklink": self.sync_bricklink_address, "brickowl": self.sync_brickowl_address}

    @property
    def _named_marketplaces(self) -> set[str]:
        return {name.strip() for name in self.marketplaces.split(",")}
