"""A Brick Owl shop without a server."""

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.brickowl.catalog import Catalog
from sandbox.brickowl.shop import Shop
from sandbox.brickowl.switches import Switches

MakeShop = Callable[..., Shop]


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return Catalog.shipped()


@pytest.fixture
def make_shop(catalog: Catalog) -> MakeShop:
    """Return a maker of empty shops; keywords are switches."""

    def make(**switches: Any) -> Shop:
        return Shop(seller_name="demo_owl", currency="EUR", catalog=catalog, switches=Switches(**switches))

    return make
