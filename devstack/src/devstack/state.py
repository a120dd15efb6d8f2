"""The folder that holds everything `make run` keeps, and the lock that lets only one run use it."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from devstack.problems import Problem

CHECKOUT = Path(__file__).resolve().parents[3]

_LEAST_FREE = 2 * 1024**3  # bytes; a first start takes a tenth of it, Kafka's segments and PostgreSQL's log the rest


def state_folder(environ: Mapping[str, str]) -> Path:
    """Return where this run keeps its state: BRICKOPS_STATE, else `.state` of the checkout."""
    given = environ.get("BRICKOPS_STATE")
    return Path(given).resolve() if given else CHECKOUT / ".state"


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Return where downloads are kept for every state: BRICKOPS_CACHE, else `.state/cache` of the checkout."""
    given = environ.get("BRICKOPS_CACHE")
    return Path(given).resolve() if given else CHECKOUT / ".state" / "cache"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the state for one run; the lock ends with the process that holds it, however it ends.

    Raises `Problem` at once if another run has it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)  # it may be there already, made for downloads only
    with (folder / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise Problem(
                f"another make run (pid {file.read().strip() or 'unknown'}) uses the state in {folder}: stop it, "
                "or give this one its own with BRICKOPS_STATE=folder and other ports"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def require_space(folder: Path, least: int = _LEAST_FREE) -> None:
    """Raise the line that a person needs when the disk is nearly full."""
    free = shutil.disk_usage(folder).free
    if free < least:
        raise Problem(
            f"only {free / 1024**3:.1f} GB are free at {folder}, and a run wants {least / 1024**3:.0f}: free some "
            "(make clean-state removes what earlier runs kept), or put the state elsewhere with BRICKOPS_STATE=folder"
        )


def remove(folder: Path, *, cache: Path, with_cache: bool = False) -> None:
    """Remove a state that no run uses; downloads stay unless told."""
    if folder.exists():
        with locked(folder):
            for entry in folder.iterdir():
                if entry == cache:
                    continue
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry)
                else:
                    entry.unlink()
    if with_cache:
        shutil.rmtree(cache, ignore_errors=True)
