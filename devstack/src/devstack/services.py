"""The table of our own processes: how each is called, what it is told, how it says that it is well.

A service's environment holds its own variables and PATH, nothing else; a secret reaches it as the path of a file.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devstack.health import GrpcHealth, http_answers
from devstack.kafka import Topic
from devstack.ports import HOST
from devstack.postgres import DatabaseUrls
from devstack.programs import Program
from devstack.secret_files import write_secret
from devstack.settings import Surroundings
from servicekit.mtls import TlsFiles

WITH_DATABASE = ("credentials", "inventory", "sync-bricklink", "sync-brickowl")
WITH_CERTIFICATE = (*WITH_DATABASE, "gateway")
PROBE = "devstack"  # the certificate that health probes show

# In the order of starting; stopping goes the other way
SANDBOX, BRICKOWL_SANDBOX = "sandbox", "sandbox-brickowl"  # BrickLink's, which was there first, and Brick Owl's
ORDER = (
    *("postgres", "kafka", "issuer", SANDBOX, BRICKOWL_SANDBOX),
    *("credentials", "inventory", "sync-bricklink", "sync-brickowl", "gateway"),
)

TOPICS = (
    Topic(name="brickops.lots.bricklink.v1"),
    Topic(name="brickops.lots.brickowl.v1"),
    Topic(name="brickops.sales.v1"),
    Topic(name="brickops.results.v1"),
    Topic(name="brickops.connections.v1", compacted=True),
)

# The sandbox answers at once and never lists an order late unless told to, so nobody need wait as long as for the
# real shop (its windows are the service's defaults). The lease must outlast the longest deadline by 5 s (rule L2).
_SANDBOX_PACE = {
    "late_window": "2",
    "lag_window": "5",
    "order_poll_interval": "2",
    "call_deadline": "5",
    "list_deadline": "6",
    "lease": "12",
}


@dataclass(frozen=True, kw_only=True)
class Services:
    """Makes the programs of one stack."""

    surroundings: Surroundings
    tls: Mapping[str, TlsFiles]
    kafka_bootstrap: str
    jwks: Path
    overrides: Mapping[str, Mapping[str, str]]  # service -> variable -> value, for tests

    @property
    def _folder(self) -> Path:
        return self.surroundings.folder

    def port_of(self, name: str) -> int:
        """Return the port that a program listens on."""
        port: int = getattr(self.surroundings.settings, port_field(name))
        return port

    def address_of(self, name: str) -> str:
        """Return `host:port`."""
        return f"{HOST}:{self.port_of(name)}"

    def issuer(self) -> Program:
        """Publishes the key that tokens are signed with."""
        return Program(
            name="issuer",
            command=(*_python("devstack.issuer"), "--listen", self.address_of("issuer"), "--jwks", str(self.jwks)),
            environment=self._base(),
            folder=self._folder,
            check=http_answers(self.port_of("issuer"), "/jwks.json"),
            port=self.port_of("issuer"),
        )

    def sandbox(self, name: str = SANDBOX) -> Program:
        """A marketplace, as a local HTTP server; both keep their shops in one folder."""
        marketplace = "brickowl" if name == BRICKOWL_SANDBOX else "bricklink"
        return Program(
            name=name,
            command=(
                *(*_python("sandbox"), "serve", "--marketplace", marketplace),
                *("--listen", self.address_of(name), "--state", str(self._folder / "sandbox")),
            ),
            environment=self._base(),
            folder=self._folder,
            check=http_answers(self.port_of(name), "/healthz"),
            port=self.port_of(name),
        )

    def service(self, name: str, *, instance: str = "", port: int | None = None) -> Program:
        """One of the services; a second instance has a name of its own and listens elsewhere."""
        port = port or self.port_of(name)
        if name == "gateway":
            listen, check = {"listen_http": f"{HOST}:{port}"}, http_answers(port, "/readyz")
            if not instance:
                listen["listen_pings"] = f"{HOST}:{self.surroundings.settings.pings_port}"
        else:
            listen = {"listen": f"{HOST}:{port}"}
            check = GrpcHealth(port, service=name, tls=self.tls[PROBE])
        return Program(
            name=name + instance,
            command=(*_python(name.replace("-", "_")), "serve"),
            environment=self._environment(name, listen),
            folder=self._folder,
            check=check,
            port=port,
        )

    def migration(self, name: str) -> Program:
        """What brings a service's tables up to date; ends by itself, and alone is told the owner's URL."""
        owner = {"owner_database_url_file": str(self._owner_url_file(name))}
        return Program(
            name=f"{name}-migrate",
            command=(*_python(name.replace("-", "_")), "migrate"),
            environment=self._environment(name, owner),
            folder=self._folder,
            check=lambda: False,
        )

    def write_database_urls(self, name: str, urls: DatabaseUrls) -> None:
        """Put a service's database URLs where it will look for them."""
        write_secret(self._url_file(name), urls.app)
        write_secret(self._owner_url_file(name), urls.owner)

    def _url_file(self, name: str) -> Path:
        return self._folder / "secrets" / name / "database-url"

    def _owner_url_file(self, name: str) -> Path:
        return self._folder / "secrets" / name / "owner-database-url"

    def _environment(self, name: str, more: Mapping[str, str]) -> dict[str, str]:
        tls, settings = self.tls[name], self.surroundings.settings
        told = {
            "tls_ca_file": str(tls.ca),
            "tls_certificate_file": str(tls.certificate),
            "tls_key_file": str(tls.key),
        }
        if name in WITH_DATABASE:
            told |= {"database_url_file": str(self._url_file(name)), "kafka_bootstrap": self.kafka_bootstrap}
            if settings.kafka_security_file:
                told["kafka_security_file"] = str(settings.kafka_security_file.resolve())
        told |= {**self._peculiar(name), **more}
        net = self.surroundings.net if self._real_shop_of(name) else {}
        flags = self.surroundings.flags if name.startswith("sync-") else {}
        own = {variable(name, field): value for field, value in told.items()}
        return {**self._base(), **net, **flags, **own, **self.overrides.get(name, {})}

    def _peculiar(self, name: str) -> Mapping[str, str]:
        """What one service is told and others are not."""
        match name:
            case "credentials":
                return {"keyring_file": str(keyring_file(self._folder))}
            case "sync-bricklink":
                return self._shop_of(name, f"{self.sandbox_url}/api/store/v1", {"calls_per_day": "100000"})
            case "sync-brickowl":
                return self._shop_of(name, f"{self.brickowl_sandbox_url}/v1", {"ping_ip": HOST})
            case "gateway":
                upstreams = {f"{field_of(peer)}_address": self.address_of(peer) for peer in WITH_DATABASE}
                return {"issuer_url": self.issuer_url, **upstreams}
        return {}

    def _real_shop_of(self, name: str) -> str | None:
        """The real shop that a sync service works on; None if it is a sandbox."""
        urls = {
            "sync-bricklink": self.surroundings.bricklink_api_url,
            "sync-brickowl": self.surroundings.brickowl_api_url,
        }
        return urls.get(name)

    def _shop_of(self, name: str, sandbox_api: str, sandbox_limits: Mapping[str, str]) -> dict[str, str]:
        """What a sync service is told of its shop."""
        real = self._real_shop_of(name)
        shop = {"api_url": real} if real else {"api_url": sandbox_api, **_SANDBOX_PACE, **sandbox_limits}
        return {"credentials_address": self.address_of("credentials"), **shop}

    @property
    def issuer_url(self) -> str:
        """Who signs the tokens."""
        return f"http://{self.address_of('issuer')}"

    @property
    def sandbox_url(self) -> str:
        """Where the pages, control API and shop API of BrickLink's sandbox begin."""
        return f"http://{self.address_of(SANDBOX)}"

    @property
    def brickowl_sandbox_url(self) -> str:
        """Where those of Brick Owl's sandbox begin."""
        return f"http://{self.address_of(BRICKOWL_SANDBOX)}"

    @property
    def gateway_url(self) -> str:
        """Where the REST API begins."""
        return f"http://{self.address_of('gateway')}"

    def _base(self) -> dict[str, str]:
        return {"PATH": self.surroundings.path}


def keyring_file(folder: Path) -> Path:
    """Return the file with the key-encryption key of the credentials service."""
    return folder / "secrets" / "credentials" / "keyring"


def port_field(program: str) -> str:
    """Return the setting that holds a program's port: `sync-bricklink` -> `sync_bricklink_port`."""
    return f"{field_of(program)}_port"


def field_of(name: str) -> str:
    """Spell a service's name as Python does."""
    return name.replace("-", "_")


def variable(service: str, field: str) -> str:
    """Return the environment variable of a service's setting: `INVENTORY_LISTEN`."""
    return f"{field_of(service)}_{field}".upper()


def _python(module: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module)
