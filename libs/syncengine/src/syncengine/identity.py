"""Whose shop it is: what was typed, what the shop shows, and what a person claims it is called now (rule W1)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from syncengine.lane import Lane
from syncengine.listing import OrderSummary
from syncengine.rows.connection import ConnectionRow
from syncengine.store.protocol import Transaction


async def verify_shop(lane: Lane, orders: Sequence[OrderSummary]) -> None:
    """See that these orders are of the shop that this connection is for (rule W1)."""
    shown = {(order.shop_name, order.currency_code): order for order in orders}  # of hundreds that say the same, one
    shown.pop(("", ""), None)
    if not shown:
        return
    async with lane.transaction() as (tx, connection):
        lane.check_keys(connection)
        for order in shown.values():
            connection = await pin_shown_shop(tx, connection, order.shop_name, order.currency_code, lane.clock.now())
        await tx.save_connection(connection)
    if connection.halted:
        raise ShopMismatchError


async def identify_shop(lane: Lane) -> None:
    """Ask whose shop the keys open, before anything else is asked of it (rule W1).

    Raises:
        PausedError: the call could not be made, or brought nothing.
        ShopMismatchError: it is another than this connection's.
    """
    shop = await lane.read(lane.settings.call_deadline, lane.shop.identify)
    async with lane.transaction() as (tx, connection):
        lane.check_keys(connection)
        connection = await pin_shown_shop(tx, connection, shop.name, shop.currency_code, lane.clock.now())
        await tx.save_connection(replace(connection, shop_number=shop.number))
    if connection.halted:
        raise ShopMismatchError


class ShopMismatchError(Exception):
    """The keys are of another shop: the connection has been halted."""


ANOTHER_SHOP = "ANOTHER_SHOP"
"""Its name is another than that of the connection's shop: a person says whether it is the same all the same."""


async def pin_typed_shop(tx: Transaction, connection: ConnectionRow, now: datetime) -> ConnectionRow:
    """Pin what the seller typed, before anything is sent: their last word counts until an order proves it (rule W1)."""
    if connection.pin_proven:
        return await _pin(tx, connection, connection.shop_name, connection.currency_code, now)
    anew = replace(connection, pinned_name="", pinned_currency="")
    return await _pin(tx, anew, connection.shop_name, connection.currency_code, now)


async def pin_shown_shop(
    tx: Transaction, connection: ConnectionRow, name: str, currency: str, now: datetime
) -> ConnectionRow:
    """Pin what the shop shows; from then on nothing but these is this connection's shop (rule W1)."""
    pinned = await _pin(tx, connection, name, currency, now)
    proven = bool(name and currency and not pinned.halted)
    return replace(pinned, pin_proven=pinned.pin_proven or proven)


async def pin_claimed_shop(tx: Transaction, connection: ConnectionRow, now: datetime, *, proven: bool) -> ConnectionRow:
    """Pin the name that a person claimed, and take it for what they typed: it was found to be this shop's (rule W1).

    `proven`: the shop showed it. Another seller's shop is refused all the same.
    """
    claimed = connection.claimed_name
    connection = replace(connection, claimed_name="")
    anew = replace(connection, pinned_name="", shop_name=claimed, pin_proven=connection.pin_proven or proven)
    pinned = await _pin(tx, anew, claimed, "", now)
    return replace(connection, halted=pinned.halted, halted_at=now) if pinned.halted else pinned


async def _pin(tx: Transaction, connection: ConnectionRow, name: str, currency: str, now: datetime) -> ConnectionRow:
    """Pin the shop's identity, or halt if it is another than pinned, or another seller's."""
    pinned_name = connection.pinned_name or connection.shop_name
    pinned_currency = connection.pinned_currency or connection.currency_code
    if name and pinned_name and name.casefold() != pinned_name.casefold():
        return replace(connection, halted=ANOTHER_SHOP, halted_at=now, shown_name=name)
    if currency and pinned_currency and currency != pinned_currency:
        return replace(connection, halted="ANOTHER_CURRENCY", halted_at=now)
    pinned_name = pinned_name or name
    if pinned_name and await tx.shop_pinned_by(pinned_name, besides=connection.seller_id) is not None:
        return replace(connection, halted="SHOP_OF_ANOTHER_SELLER", halted_at=now)
    return replace(connection, pinned_name=pinned_name, pinned_currency=pinned_currency or currency, pin_lapsed=False)
