"""The connection itself: begun, given new keys, wrong ones, or another shop's."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from syncengine.absorb import ConnectionNews, absorb_connection
from syncengine.testing.inventory import SELLER
from syncengine.testing.simulation.guarded import Guarded
from syncengine.testing.simulation.mail import Mail
from syncengine.testing.simulation.model import ShopModel
from syncengine.testing.simulation.stage import Stage, at_once

SHOP_NAME = "demo_seller"
OTHER_NAME = "another_seller"


@dataclass(slots=True)
class Keys:
    """What credentials and the seller do."""

    stage: Stage
    mail: Mail
    guarded: Guarded
    other: ShopModel
    """Somebody else's shop."""
    shop_is_empty: bool
    version: int = 1
    seq: int = 0
    connected_at: datetime = field(init=False)
    enabled: bool = True
    others_until: datetime | None = None
    """Until when the keys are the other shop's."""
    reconnects_at: datetime | None = None
    """When the seller will connect the shop again, having disconnected it."""
    agrees_at: datetime | None = None
    """When the seller will have seen that removals wait for them (rule B5)."""

    def __post_init__(self) -> None:
        self.connected_at = self.stage.clock.now()

    def connect(self) -> None:
        """Tell the engine of the connection as it is now."""
        self.seq += 1
        with self.mail.uncut():
            at_once(self._connecting())

    async def _connecting(self) -> None:
        news = ConnectionNews(
            seller_id=SELLER,
            seq=self.seq,
            connected_at=self.connected_at,
            enabled=self.enabled,
            key_version=self.version,
            shop_is_empty=self.shop_is_empty,
            shop_name=SHOP_NAME,
            currency_code="EUR",
        )
        async with self.stage.store.transaction() as tx:
            await absorb_connection(tx, news, self.stage.clock.now())

    def look_after(self) -> None:
        """The seller agrees to a first plan, and sees after a while whose keys they gave, and what waits for them."""
        connection, now = self.stage.connection, self.stage.clock.now()
        if self.others_until is not None and now >= self.others_until:
            self.others_until = None
            self._replace(self.stage.shop)
        if self.reconnects_at is not None and now >= self.reconnects_at:
            self._reconnect()
        if connection.confirmed_at is None and connection.baseline_taken_at is not None:
            with self.mail.uncut():
                at_once(self._confirming())
        if not connection.removals_held:
            self.agrees_at = None
        elif self.agrees_at is None:
            self.agrees_at = now + timedelta(seconds=self.stage.random.randint(1, 60))
        elif now >= self.agrees_at:
            with self.mail.uncut():
                at_once(self._agreeing())

    async def _confirming(self) -> None:
        async with self.stage.store.transaction() as tx:
            connection, now = await tx.lock_connection(SELLER), self.stage.clock.now()
            await tx.save_connection(replace(connection, confirmed_at=now, due_at=now))
        self.stage.struck["first plan confirmed"] += 1

    async def _agreeing(self) -> None:
        async with self.stage.store.transaction() as tx:
            connection, now = await tx.lock_connection(SELLER), self.stage.clock.now()
            agreed = replace(connection, removals_agreed_at=now, removals_held=0, due_at=now)
            await tx.save_connection(agreed)
        self.guarded.agree()
        self.stage.struck["many removals agreed to"] += 1

    def _replace(self, shop: ShopModel) -> None:
        self.version += 1
        self.stage.network.models[self.version] = shop
        self.connect()

    def calm_down(self) -> None:
        """All is well with the keys."""
        self.stage.network.wrong_key_until = None
        if self.others_until is not None:
            self.others_until = self.stage.clock.now()
        if self.reconnects_at is not None:
            self.reconnects_at = self.stage.clock.now()
        self.look_after()

    def _reconnect(self) -> None:
        """Keys are given anew: that is another connection of the same shop (rule C1)."""
        self.reconnects_at, self.connected_at, self.enabled = None, self.stage.clock.now(), True
        self._replace(self.stage.shop)

    # Happenings

    def disconnect(self) -> None:
        """The seller takes the keys back, and gives them again after a while."""
        if self.enabled and self.others_until is None:
            self.enabled = False
            self.reconnects_at = self.stage.clock.now() + timedelta(seconds=self.stage.random.randint(5, 120))
            self.connect()
            self.stage.struck["shop disconnected"] += 1

    def replace(self) -> None:
        """New keys of the same shop."""
        if self.others_until is None and self.enabled:
            self._replace(self.stage.shop)
            self.stage.struck["keys replaced"] += 1

    def swap(self) -> None:
        """New keys of another shop, for a while."""
        if self.others_until is None and self.enabled:
            self._replace(self.other)
            self.others_until = self.stage.clock.now() + timedelta(seconds=self.stage.random.randint(5, 60))
            self.stage.struck["keys of another shop"] += 1

    def refuse(self) -> None:
        """The shop refuses the keys for a while (rule O2)."""
        self.stage.network.wrong_key_until = self.stage.clock.now() + timedelta(
            seconds=self.stage.random.randint(3, 40)
        )
        self.stage.struck["keys refused"] += 1
