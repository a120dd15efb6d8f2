"""The shops that the engine works on: one `BrickLink` per seller, over one HTTP client."""

import httpx

from sync_bricklink.client import BrickLink
from sync_bricklink.keys import LeasedKeys
from syncengine.listing import SellerId
from syncengine.marketplace import Facts, Marketplace


class Shops:
    """Opens a seller's shop with the keys that the seller's connection names."""

    def __init__(self, http: httpx.AsyncClient, keys: LeasedKeys, facts: Facts) -> None:
        self._http = http
        self._keys = keys
        self._facts = facts

    async def open(self, seller_id: SellerId, key_version: int) -> Marketplace:
        """Open the shop; makes no call to it.

        Ask anew for each turn, since keys are lent for minutes. Raises `ReadFailedError`, with `Halted` or `Later`, if
        there are no keys.
        """
        return BrickLink(self._http, await self._keys.get(seller_id, key_version), self._facts)
