"""BrickLink, as the server knows it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sandbox.bricklink.api import ROOT, StoreApi
from sandbox.bricklink.control import router
from sandbox.bricklink.hosting import Shops
from sandbox.bricklink.journal import NAME, Journal
from sandbox.catalog import Catalog
from sandbox.hosting.hosted import Clock
from sandbox.hosting.marketplace import Marketplace


@contextmanager
def open_shops(state: Path | None, clock: Clock) -> Iterator[Shops]:
    """Open the shops that the folder keeps; raises StateInUse."""
    with closing(Journal(state)) as journal:
        yield Shops(journal, clock, Catalog.shipped())


BRICKLINK = Marketplace(
    name=NAME, title="BrickLink", root=ROOT, port=8091, open_shops=open_shops, api=StoreApi, router=router
)
