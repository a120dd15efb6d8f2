"""A shop without a server."""

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.bricklink.shop import Shop
from sandbox.bricklink.switches import Switches
from sandbox.catalog import Catalog

MakeShop = Callable[..., Shop]


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return Catalog.shipped()


@pytest.fixture
def make_shop(catalog: Catalog) -> MakeShop:
    """Return a maker of empty shops; keywords are switches."""

    def make(**switches: Any) -> Shop:
        return Shop(seller_name="demo_seller", currency="EUR", catalog=catalog, switches=Switches(**switches))

    return make
