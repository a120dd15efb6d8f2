"""What the gateway may be told from outside."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from servicekit.mtls import TlsFiles


@dataclass(frozen=True, kw_only=True)
class Config:
    """Settings of one gateway process; read from variables that start with `GATEWAY_`."""

    tls_ca_file: Path
    tls_certificate_file: Path
    tls_key_file: Path
    listen_http: str = "127.0.0.1:8080"
    inventory_address: str = "127.0.0.1:50051"
    credentials_address: str = "127.0.0.1:50052"
    sync_bricklink_address: str = "127.0.0.1:50053"
    issuer_url: str = "http://127.0.0.1:8081"
    audience: str = "brickops"
    marketplaces: str = "bricklink"
    drain: timedelta = timedelta(seconds=15)
    log_level: str = "INFO"

    @property
    def tls(self) -> TlsFiles:
        """The certificate that the services behind know the gateway by."""
        return TlsFiles(ca=self.tls_ca_file, certificate=self.tls_certificate_file, key=self.tls_key_file)

    @property
    def sync_addresses(self) -> Mapping[str, str]:
        """Where the sync service of each marketplace answers. Raises ValueError for a marketplace that has none."""
        known = {"bricklink": self.sync_bricklink_address}
        named = [word.strip() for word in self.marketplaces.split(",") if word.strip()]
        if unknown := [word for word in named if word not in known]:
            raise ValueError(f"GATEWAY_MARKETPLACES names {', '.join(unknown)}; known: {', '.join(known)}")
        return {word: known[word] for word in named}
