"""Lending keys to a sync service. The line in the log of leases is committed first: no audit, no lease."""

import logging
from dataclasses import dataclass, replace
from typing import Final

from credentials.audit_chain import newest_event
from credentials.callers import LEASES
from credentials.crypto.envelope import Unreadable
from credentials.domain.errors import ChainBroken, CredentialNotFound, RecordOutdated
from credentials.domain.lease import Lease, LeaseRecord, Refusal
from credentials.domain.lifecycle import Origin
from credentials.storage.unit_of_work import UnitOfWork
from credentials.vault import Vault
from servicekit import logs
from servicekit.callers import CallerNotAllowed

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseCredential:
    """Lend this seller's keys for this marketplace to the service whose certificate says `caller`."""

    caller: str
    certificate: str
    seller_id: str
    marketplace: str


async def lease_credential(command: LeaseCredential, vault: Vault) -> Lease:
    """Lends the keys, once the log of leases is committed; a refusal is committed to it too.

    Raises CallerNotAllowed, CredentialNotFound, RecordOutdated, ChainBroken or Unreadable.
    """
    asked = LeaseRecord(
        at=vault.clock.now(),
        caller=command.caller,
        seller_id=_recordable(command.seller_id),
        marketplace=_recordable(command.marketplace),
        origin=Origin(correlation_id=logs.correlation_id.get(), certificate=command.certificate),
    )
    async with vault.transaction() as uow:
        try:
            lease = await _lease(command, asked, uow, vault)
        except tuple(_REFUSAL_OF) as error:
            refused = replace(asked, refusal=_REFUSAL_OF[type(error)])
            await uow.lease_log.record(refused)
            await uow.commit()
            logger.warning(
                "lease refused",
                extra={"caller": asked.caller, "seller": asked.seller_id, "marketplace": asked.marketplace}
                | {"refusal": refused.refusal, "why": str(error)},
            )
            raise
        await uow.lease_log.record(replace(asked, key_version=lease.key_version, expires_at=lease.expires_at))
        await uow.commit()
    return lease


_REFUSAL_OF: Final[dict[type[Exception], Refusal]] = {
    CallerNotAllowed: Refusal.CALLER_NOT_ALLOWED,
    CredentialNotFound: Refusal.NOT_FOUND,
    RecordOutdated: Refusal.OUTDATED,
    ChainBroken: Refusal.CHAIN_BROKEN,
    Unreadable: Refusal.UNREADABLE,
}


async def _lease(command: LeaseCredential, asked: LeaseRecord, uow: UnitOfWork, vault: Vault) -> Lease:
    if LEASES.get(command.caller) != command.marketplace:
        raise CallerNotAllowed(f"{command.caller} may not lease these keys.")
    if asked.seller_id != command.seller_id:  # no seller has an id that cannot be recorded as it is
        raise CredentialNotFound(command.marketplace)
    credential, ciphertext = await uow.credentials.lock_sealed(command.seller_id, command.marketplace)
    credential.must_be_newest(await newest_event(command.seller_id, command.marketplace, uow, vault))
    keys = await vault.open(ciphertext, credential)
    return Lease(key_version=credential.key_version, expires_at=asked.at + vault.lease_duration, keys=keys)


def _recordable(text: str) -> str:
    """Text of a caller who may be anybody, in a form that the log can always take."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text[:100])
