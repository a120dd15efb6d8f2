"""What every `Store` keeps to: tests that each implementation runs with fixtures `store` and `published` of its own."""

from syncengine.testing.store_contract.books import BookContract
from syncengine.testing.store_contract.catalogs import CatalogContract
from syncengine.testing.store_contract.leases import LeaseContract
from syncengine.testing.store_contract.listings import ListingContract
from syncengine.testing.store_contract.round_trips import RoundTripContract
from syncengine.testing.store_contract.scenery import Published


class StoreContract(RoundTripContract, LeaseContract, ListingContract, BookContract, CatalogContract):
    """Subclass it in a test module, with the fixtures."""


__all__ = ["Published", "StoreContract"]
