"""Brick Owl, as the server knows it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sandbox.brickowl.api import ROOT, OwlApi
from sandbox.brickowl.catalog import Catalog
from sandbox.brickowl.control import router
from sandbox.brickowl.hosting import Shops
from sandbox.brickowl.journal import NAME, Journal
from sandbox.hosting.hosted import Clock
from sandbox.hosting.marketplace import Marketplace


@contextmanager
def open_shops(state: Path | None, clock: Clock) -> Iterator[Shops]:
    """Open the shops that the folder keeps; raises StateInUse."""
    with closing(Journal(state)) as journal:
        yield Shops(journal, clock, Catalog.shipped())


BRICKOWL = Marketplace(
    name=NAME, title="Brick Owl", root=ROOT, port=8092, open_shops=open_shops, api=OwlApi, router=router
)
