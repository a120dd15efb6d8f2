"""The marketplaces that a sandbox can be."""

from collections.abc import Mapping

from sandbox.bricklink.marketplace import BRICKLINK
from sandbox.brickowl.marketplace import BRICKOWL
from sandbox.hosting.marketplace import Marketplace

MARKETPLACES: Mapping[str, Marketplace] = {marketplace.name: marketplace for marketplace in (BRICKLINK, BRICKOWL)}
"""By name."""
