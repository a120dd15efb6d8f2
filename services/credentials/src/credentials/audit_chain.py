"""Appending to a seller's chain of lifecycle rows."""

import os

from credentials.crypto.chain import audit_key_binding, mac_before_first, mac_of_row
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
        raise ChainBroken
    if head is None:
        head = ChainHead(length=0, mac=mac_before_first(key, await uow.lifecycle.list_of(event.seller_id)))
    position = head.length + 1
    new = ChainHead(length=position, mac=mac_of_row(key, position, event, origin, before=head.mac))
    await uow.lifecycle.record(event, origin, new)
    return new
