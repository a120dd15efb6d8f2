"""Secrets on disk: each in a file of its own that only its owner reads."""

import os
from pathlib import Path


def write_secret(path: Path, content: str) -> None:
    """Put a secret into a file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.unlink(missing_ok=True)  # whatever its mode was
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)
    unfinished.replace(path)
