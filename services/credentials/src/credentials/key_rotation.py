"""Rotating both layers of the envelope while the service runs: no lease fails for it, and a killed one goes on.

`rotate_kek` wraps every key anew under the primary key-encryption key; the records stay as they are. `rotate_data`
seals every record anew under a fresh data key; the keys in it, and their version, stay as they are.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime

from credentials.audit_chain import append, newest_event
from credentials.crypto.envelope import Unreadable, WrappedKey
from credentials.domain.credential import Credential
from credentials.domain.errors import ChainBroken, CredentialNotFound, RecordOutdated
from credentials.domain.lifecycle import LifecycleKind, Origin
from credentials.events import connection_changed
from credentials.storage.wrapped_keys import TABLES, StoredKey
from credentials.vault import Vault
from servicekit import logs, outbox

logger = logging.getLogger(__name__)

ACTOR = "credentials"
"""Who seals anew, in the lifecycle."""
_PAUSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """What a rotation came to."""

    done: int
    unreadable: list[str]
    """Rows that could not be opened, by table and place; they are as they were, and a person must look."""
    left: int
    """How many are still as they were: the unreadable ones, and what a process with an older keyring wrote."""


async def rotate_kek(vault: Vault, *, batch: int) -> Rotation:
    """Wraps every key that is not under the primary key-encryption key anew, `batch` to a transaction.

    What was done is in the rows themselves, so another run does the rest. No lock is held while keys are wrapped: a row
    that was put anew meanwhile is left as it is.
    """
    done = 0
    unreadable: list[str] = []
    for table in TABLES:
        after: tuple[str, ...] | None = None
        while True:
            async with vault.transaction() as uow:
                found = await uow.wrapped_keys.list_not_under(table, vault.keys.primary_id, after=after, limit=batch)
            if not found:
                break
            rewrapped = []
            for stored in found:
                try:
                    rewrapped.append((stored, await _rewrapped(stored, vault)))
                except Unreadable as problem:
                    unreadable.append(f"{table} {'/'.join(stored.place)}: {problem}")
            async with vault.transaction() as uow:
                done += await uow.wrapped_keys.replace(rewrapped)
                await uow.commit()
            after = found[-1].place
            logger.info("keys wrapped anew", extra={"table": table, "done": done, "left": await _left(vault)})
    return Rotation(done=done, unreadable=unreadable, left=await _left(vault))


async def _rewrapped(stored: StoredKey, vault: Vault) -> WrappedKey:
    return await vault.keys.wrap(await vault.keys.unwrap(stored.key, stored.binding), stored.binding)


async def _left(vault: Vault) -> int:
    left = 0
    async with vault.transaction() as uow:
        for table in TABLES:
            counts = await uow.wrapped_keys.count_by_kek(table)
            left += sum(count for kek_id, count in counts.items() if kek_id != vault.keys.primary_id)
    return left


async def rotate_data(vault: Vault, *, batch: int) -> Rotation:
    """Seals every record anew that was sealed before this rotation began, one to a transaction.

    A rotation that was killed is gone on with: when it began is written down, and what was sealed since is not sealed
    again. Each sealing is a row of the lifecycle and publishes the connection with the same key version. It pauses
    while the outbox is long.
    """
    started_at = await _begun(vault)
    done = 0
    unreadable: list[str] = []
    after = ("", "")
    while True:
        async with vault.transaction() as uow:
            found = await uow.credentials.list_sealed_before(started_at, after=after, limit=batch)
        if not found:
            break
        for credential in found:
            try:
                done += await seal_anew(credential, vault)
            except (Unreadable, RecordOutdated, ChainBroken) as problem:
                unreadable.append(f"credentials {credential.seller_id}/{credential.marketplace}: {problem}")
        after = (found[-1].seller_id, found[-1].marketplace)
        await _let_the_outbox_empty(vault)
        logger.info("records sealed anew", extra={"done": done, "unreadable": len(unreadable)})
    async with vault.transaction() as uow:
        left = await uow.credentials.count_sealed_before(started_at)
        await uow.data_rotations.end(started_at, vault.clock.now())
        await uow.commit()
    return Rotation(done=done, unreadable=unreadable, left=left)


async def _begun(vault: Vault) -> datetime:
    """When the rotation that there is to do began; says whether it is one of before, which may be long ago."""
    async with vault.transaction() as uow:
        unfinished = await uow.data_rotations.unfinished()
        started_at = unfinished or vault.clock.now()
        if unfinished is None:
            await uow.data_rotations.begin(started_at)
        left = await uow.credentials.count_sealed_before(started_at)
        await uow.commit()
    facts = {"begun": started_at.isoformat(), "left": left}
    if unfinished is None:
        logger.info("sealing every record anew", extra=facts)
    else:
        logger.warning(
            "going on with a rotation that was begun before and did not end: records sealed since then are not sealed"
            " again; run it once more for these",
            extra=facts,
        )
    return started_at


async def seal_anew(found: Credential, vault: Vault) -> bool:
    """Seals one record under a fresh data key; answers whether it did: not if the record changed since it was found.

    Raises RecordOutdated, ChainBroken or Unreadable: then a person must look.
    """
    async with vault.transaction() as uow:
        await uow.lock_seller(found.seller_id)
        try:
            current, sealed = await uow.credentials.lock_sealed(found.seller_id, found.marketplace, to_change=True)
        except CredentialNotFound:
            return False
        if (current.key_version, current.generation) != (found.key_version, found.generation):
            return False
        current.must_be_newest(await newest_event(found.seller_id, found.marketplace, uow, vault))
        keys = await vault.open(sealed, current)
        now = vault.clock.now()
        credential = current.resealed(now=now)
        correlation_id = logs.correlation_id.get()
        await uow.credentials.save(credential, await vault.seal(keys, credential), at=now)
        event = credential.event(LifecycleKind.RESEAL, at=now, actor=ACTOR)
        head = await append(event, Origin(correlation_id=correlation_id, certificate=""), uow, vault)
        await uow.publish(
            connection_changed(credential, head, topic=vault.connections_topic, correlation_id=correlation_id)
        )
        await uow.commit()
    return True


async def _let_the_outbox_empty(vault: Vault) -> None:
    while True:
        async with vault.transaction() as uow:
            backlog = await uow.backlog()
        if backlog <= outbox.BULK_PAUSES_ABOVE:
            return
        logger.info("waiting for the relay", extra={"backlog": backlog})
        await asyncio.sleep(_PAUSE_SECONDS)
