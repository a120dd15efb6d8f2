"""What is kept of Brick Owl's shops."""

from dataclasses import dataclass
from pathlib import Path

from sandbox.brickowl.entities import Lot, Order
from sandbox.brickowl.keys import Keys
from sandbox.brickowl.switches import Switches
from sandbox.hosting import journal

NAME = "brickowl"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a shop was made with."""

    keys: Keys
    seller_name: str
    currency: str
    switches: Switches


StoredShop = journal.StoredShop[Settings, Lot, Order]


class Journal(journal.Journal[Settings, Lot, Order]):
    """The file of Brick Owl's shops."""

    def __init__(self, folder: Path | None) -> None:
        super().__init__(folder, marketplace=NAME, settings=Settings, lot=Lot, order=Order)
