"""A seller's chain of lifecycle rows: appending to it, and asking it what happened last."""

import os
from typing import Final

from credentials.crypto.chain import audit_key_binding, mac_before_first, mac_of_row, newest_vouched
from credentials.crypto.envelope import KEY_BYTES, Plaintext
from credentials.domain.errors import ChainBroken
from credentials.domain.lifecycle import ChainHead, LifecycleEvent, Origin
from credentials.storage.unit_of_work import UnitOfWork
from credentials.vault import Vault


async def append(event: LifecycleEvent, origin: Origin, uow: UnitOfWork, vault: Vault) -> ChainHead:
    """Appends the event to its seller's chain; answers the new head, which is to be published with the connection.

    The seller must be locked. Raises ChainBroken where the chain's key is gone, Unreadable where it does not open.
    """
    head = await uow.lifecycle.head(event.seller_id)
    wrapped = await uow.audit_keys.find(event.seller_id)
    if wrapped is not None:
        key = await vault.keys.unwrap(wrapped, audit_key_binding(event.seller_id))
    elif head is None:
        key = Plaintext(os.urandom(KEY_BYTES))
        await uow.audit_keys.record(event.seller_id, await vault.keys.wrap(key, audit_key_binding(event.seller_id)))
    else:
        raise ChainBroken(_NO_KEY)
    if head is None:
        head = ChainHead(length=0, mac=mac_before_first(key, await uow.lifecycle.list_of(event.seller_id)))
    position = head.length + 1
    new = ChainHead(length=position, mac=mac_of_row(key, position, event, origin, before=head.mac))
    await uow.lifecycle.record(event, origin, new)
    return new


async def newest_event(seller_id: str, marketplace: str, uow: UnitOfWork, vault: Vault) -> LifecycleEvent | None:
    """The last thing that happened to these keys, as the seller's chain vouches for it; None if nothing ever did.

    So nobody who may only insert rows makes an older record the newest. A seller to whom nothing has happened since
    before there were chains has none: that newest row is believed as it stands. The record of these keys must be
    locked. Raises ChainBroken where the chain does not vouch for it, Unreadable where its key does not open.
    """
    wrapped = await uow.audit_keys.find(seller_id)
    rows = await uow.lifecycle.list_vouching(seller_id, marketplace)
    if wrapped is None and any(row.place for row in rows):
        wrapped = await uow.audit_keys.find(seller_id)  # the other shop's event may have begun the chain since
        if wrapped is None:
            raise ChainBroken(_NO_KEY)
    if wrapped is None:
        return next((row.event for row in reversed(rows) if row.event.marketplace == marketplace), None)
    key = await vault.keys.unwrap(wrapped, audit_key_binding(seller_id))
    return newest_vouched(key, rows, marketplace)


_NO_KEY: Final = "it has no key"
