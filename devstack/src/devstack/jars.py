"""Apache Kafka as its published jars: fetched once by jgo, and never run unless each is the file that was pinned.

`kafka.lock` names every jar by its Maven coordinates and its SHA-256, without saying where it comes from. Nothing is
resolved at run time: what is not in the lock is not on the class path.
"""

import contextlib
import fcntl
import hashlib
import logging
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.problems import Problem

if TYPE_CHECKING:
    from jgo.maven import Artifact, MavenContext

LOCK = Path(__file__).with_name("kafka.lock")

# Two builds on purpose: resolved together, the second downgrades Kafka's own clients (STACK.md); without a binding of
# slf4j Kafka logs nothing. Of the second, only the jar itself is added.
KAFKA = "org.apache.kafka:kafka_2.13:4.3.0"
SLF4J_BINDING = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"

_DOWNLOADS_AT_ONCE = 6
_TRIES = 3


@dataclass(frozen=True)
class Jar:
    """One published jar, and what its bytes must be."""

    coordinates: str  # group:artifact:version
    sha256: str

    @property
    def name(self) -> str:
        """The file's name as published."""
        _, artifact, version = self.coordinates.split(":")
        return f"{artifact}-{version}.jar"


def read_lock(lock: Path = LOCK) -> list[Jar]:
    """List the pinned jars in class path order."""
    lines = (line.split("#")[0].split() for line in lock.read_text().splitlines())
    return [Jar(coordinates, sha256) for coordinates, sha256 in (line for line in lines if line)]


def fetch(
    cache: Path, jars: Sequence[Jar] | None = None, report: Callable[[str], None] = lambda line: None
) -> list[Path]:
    """Return the paths of all pinned jars, downloading what the cache lacks; several processes may call this at once.

    `report` is told of a download. Raises `Problem` if a jar cannot be had or is not the pinned one.
    """
    wanted = read_lock() if jars is None else list(jars)
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache / ".lock"):
        missing = [jar for jar in wanted if _sha256(cache / jar.name) != jar.sha256]
        if missing:
            report(f"fetching Apache Kafka, once: {len(missing)} jars")
            _download(cache, missing)
    return [cache / jar.name for jar in wanted]


def resolve_lock(cache: Path) -> str:
    """Resolve the two builds anew and return the text of a lock file; for whoever raises Kafka's version."""
    context = _maven(cache)
    from jgo.parse import Endpoint

    artifacts: dict[str, Artifact] = {}
    for endpoint, with_dependencies in ((KAFKA, True), (SLF4J_BINDING, False)):
        inputs, dependencies = context.resolver.resolve(
            [context.create_dependency(Endpoint.parse(endpoint).coordinates[0])]
        )
        chosen = [*inputs, *(d for d in dependencies if with_dependencies and d.scope in ("compile", "runtime"))]
        for dependency in chosen:
            artifact = dependency.artifact
            artifacts[f"{artifact.groupId}:{artifact.artifactId}:{artifact.version}"] = artifact
    lines = [f"{name} {_sha256(artifact.resolve())}" for name, artifact in artifacts.items()]
    return "\n".join(("# Made by `python -m devstack lock-kafka`: coordinates and SHA-256 of each jar.", *lines, ""))


def _download(cache: Path, jars: Iterable[Jar]) -> None:
    context = _maven(cache / "maven")
    with ThreadPoolExecutor(_DOWNLOADS_AT_ONCE) as pool:
        for failure in pool.map(lambda jar: _download_one(context, cache, jar), jars):
            if failure:
                raise Problem(failure)


def _download_one(context: "MavenContext", cache: Path, jar: Jar) -> str | None:
    group, artifact_id, version = jar.coordinates.split(":")
    artifact = context.project(group, artifact_id).at_version(version).artifact()
    for tries_left in reversed(range(_TRIES)):
        # jgo writes in place and believes whatever is there: a download that was cut off must not stay
        if artifact.cached_path is not None:
            artifact.cached_path.unlink(missing_ok=True)
        try:
            path = artifact.resolve()
            break
        except (OSError, RuntimeError) as error:  # requests' errors are OSErrors, jgo's own RuntimeErrors
            if not tries_left:
                why = type(error).__name__
                return f"cannot download {jar.name} of Apache Kafka ({why}): is the Maven registry reachable?"
    if _sha256(path) != jar.sha256:
        path.unlink()
        return f"{jar.name} as downloaded is not the file pinned in {LOCK.name}: not using it; try again"
    path.replace(cache / jar.name)
    return None


def _maven(repository: Path) -> "MavenContext":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a library of jgo's asks on import for a runtime folder that nobody uses
        from jgo.config import GlobalSettings
        from jgo.constants import MAVEN_CENTRAL_URL
        from jgo.maven import MavenContext, PythonResolver

    logging.getLogger("jgo").setLevel(logging.ERROR)
    # a person's own mirrors (jgo's configuration) come first; with an empty HOME there are none
    remotes = {**GlobalSettings.load().repositories, "central": MAVEN_CENTRAL_URL}
    return MavenContext(resolver=PythonResolver(), repo_cache=repository, remote_repos=remotes, timeout=60)


def _sha256(path: Path) -> str | None:
    if not path.exists():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
