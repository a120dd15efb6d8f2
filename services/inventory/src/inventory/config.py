"""What the inventory service may be told from outside."""

from dataclasses import dataclass
from pathlib import Path

from inventory.events import LotTopics
from servicekit.kafka import KafkaConfig
from servicekit.mtls import TlsFiles


@dataclass(frozen=True, kw_only=True)
class Config:
    """Settings of one inventory process; read from variables that start with `INVENTORY_`."""

    database_url_file: Path
    """Holds `postgresql://user:password@host:port/database` of the role that serves."""
    owner_database_url_file: Path | None = None
    """The same of the role that owns the tables; `migrate` alone needs it."""
    tls_ca_file: Path
    tls_certificate_file: Path
    tls_key_file: Path
    kafka_bootstrap: str
    kafka_security_file: Path | None = None
    listen: str = "127.0.0.1:50051"
    marketplaces: str = "bricklink,brickowl"
    """For which marketplaces lots are published, with commas between."""
    lots_topics: str = "brickops.lots.{marketplace}.v1"
    sales_topic: str = "brickops.sales.v1"
    results_topic: str = "brickops.results.v1"
    sales_group: str = "inventory"
    results_group: str = "inventory-results"
    metrics_listen: str = ""
    """host:port at which Prometheus reads numbers, over plain HTTP; empty: nowhere."""
    log_level: str = "INFO"

    @property
    def kafka(self) -> KafkaConfig:
        """Where Kafka is."""
        return KafkaConfig(bootstrap=self.kafka_bootstrap, security_file=self.kafka_security_file)

    @property
    def tls(self) -> TlsFiles:
        """The service's own certificate."""
        return TlsFiles(ca=self.tls_ca_file, certificate=self.tls_certificate_file, key=self.tls_key_file)

    @property
    def topics(self) -> LotTopics:
        """Where lots are published."""
        names = [word.strip() for word in self.marketplaces.split(",")]
        return LotTopics(marketplaces=[name for name in names if name], pattern=self.lots_topics)
