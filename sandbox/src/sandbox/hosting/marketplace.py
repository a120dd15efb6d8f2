"""What the server knows of a marketplace."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import APIRouter

from sandbox.hosting.api import ShopApi
from sandbox.hosting.hosted import Clock
from sandbox.hosting.shops import Shops


@dataclass(frozen=True, kw_only=True)
class Marketplace:
    """One marketplace that a sandbox can be."""

    name: str
    """As on the command line, and as its state file is called."""
    title: str
    root: str
    """The path under which its API is served."""
    port: int
    """The port it listens on unless told otherwise."""
    open_shops: Callable[[Path | None, Clock], AbstractContextManager[Shops[Any, Any]]]
    """Opens the shops that a folder keeps, or keeps them in memory; raises StateInUse."""
    api: Callable[[Any, str | None], ShopApi[Any]]
    """Makes the API of these shops; the URL is what clients sign, where that is not what they connect to."""
    router: APIRouter
    """What the control API can do here alone."""
