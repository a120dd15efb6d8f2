"""What can be done with a credential: put it, revoke it, lease it. Each is one transaction."""

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from credentials.crypto.envelope import (
    Ciphertext,
    KeyEncryptionKeys,
    Plaintext,
    RecordIdentity,
    Unreadable,
    seal,
    unseal,
)
from credentials.crypto.fingerprint import fingerprint_of, matches
from credentials.crypto.framing import framed
from credentials.domain.credential import Credential, Shop, with_new_keys
from credentials.domain.errors import (
    CredentialNotFound,
    FieldProblem,
    FieldsRefused,
    RecordOutdated,
    RequestIdReused,
)
from credentials.domain.keys import KIND_OF_KEYS, Keys
from credentials.domain.lease import Lease, LeaseRecord, Refusal
from credentials.domain.marketplaces import MARKETPLACE_OF_CALLER, marketplace_problems
from credentials.events import connection_changed
from credentials.storage.unit_of_work import UnitOfWork
from servicekit import logs
from servicekit.callers import CallerNotAllowed
from servicekit.clock import Clock

logger = logging.getLogger(__name__)

_REQUEST_ID: Final = re.compile(r"[!-~]{1,100}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vault:
    """What the commands work with."""

    transaction: Callable[[], UnitOfWork]
    keys: KeyEncryptionKeys
    clock: Clock
    connections_topic: str
    lease_duration: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class PutCredential:
    """Store these keys for this seller, new or in place of older ones."""

    seller_id: str
    actor: str
    request_id: str
    keys: Keys
    shop: Shop

    def problems(self) -> Iterator[FieldProblem]:
        """What is wrong with its fields."""
        yield from _request_id_problems(self.request_id)
        yield from self.keys.problems()
        yield from self.shop.problems()

    def body(self) -> Plaintext:
        """What a repeat must have in common with the first."""
        shop = framed(self.shop.name, self.shop.currency_code, int(self.shop.is_empty))
        return Plaintext(framed("put", self.keys.marketplace, shop, *self.keys.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeCredential:
    """Destroy this seller's keys for this marketplace."""

    seller_id: str
    actor: str
    request_id: str
    marketplace: str

    def problems(self) -> Iterator[FieldProblem]:
        """What is wrong with its fields."""
        yield from _request_id_problems(self.request_id)
        yield from marketplace_problems(self.marketplace)

    def body(self) -> Plaintext:
        """What a repeat must have in common with the first."""
        return Plaintext(framed("revoke", self.marketplace))


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseCredential:
    """Lend this seller's keys for this marketplace to the service whose certificate says `caller`."""

    caller: str
    seller_id: str
    marketplace: str


async def put_credential(command: PutCredential, vault: Vault) -> Credential:
    """Seals and stores the keys and publishes the connection.

    Raises FieldsRefused or RequestIdReused.
    """
    _refuse(command.problems())
    _hide_from_logs(command.keys)
    async with vault.transaction() as uow:
        if (answer := await _earlier_answer(command, uow, vault)) is not None:
            return answer
        credential = with_new_keys(
            await uow.credentials.find(command.seller_id, command.keys.marketplace),
            await uow.lifecycle.newest(command.seller_id, command.keys.marketplace),
            seller_id=command.seller_id,
            marketplace=command.keys.marketplace,
            shop=command.shop,
            actor=command.actor,
            now=vault.clock.now(),
        )
        ciphertext = await seal(Plaintext(command.keys.encode()), _identity(credential), vault.keys)
        await _keep(credential, ciphertext, command, uow, vault)
    logger.info("keys put", extra=_facts(credential))
    return credential


async def revoke_credential(command: RevokeCredential, vault: Vault) -> Credential:
    """Destroys the keys and publishes that the connection is off.

    Raises FieldsRefused, RequestIdReused, or CredentialNotFound if no keys are stored.
    """
    _refuse(command.problems())
    async with vault.transaction() as uow:
        if (answer := await _earlier_answer(command, uow, vault)) is not None:
            return answer
        current = await uow.credentials.find(command.seller_id, command.marketplace)
        if current is None:
            raise CredentialNotFound(command.marketplace)
        credential = current.revoked(actor=command.actor, now=vault.clock.now())
        await _keep(credential, None, command, uow, vault)
    logger.info("keys revoked", extra=_facts(credential))
    return credential


async def lease_credential(command: LeaseCredential, vault: Vault) -> Lease:
    """Lends the keys, once the log of leases is committed; a refusal is committed to it too.

    Raises CallerNotAllowed, CredentialNotFound, RecordOutdated or Unreadable.
    """
    asked = LeaseRecord(
        at=vault.clock.now(),
        caller=command.caller,
        seller_id=_recordable(command.seller_id),
        marketplace=_recordable(command.marketplace),
        correlation_id=logs.correlation_id.get(),
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
    Unreadable: Refusal.UNREADABLE,
}


async def _lease(command: LeaseCredential, asked: LeaseRecord, uow: UnitOfWork, vault: Vault) -> Lease:
    if MARKETPLACE_OF_CALLER.get(command.caller) != command.marketplace:
        raise CallerNotAllowed(f"{command.caller} may not lease these keys.")
    if asked.seller_id != command.seller_id:  # no seller has an id that cannot be recorded as it is
        raise CredentialNotFound(command.marketplace)
    stored = await uow.credentials.lock_for_lease(command.seller_id, command.marketplace)
    if stored is None:
        raise CredentialNotFound(command.marketplace)
    credential, ciphertext = stored
    credential.must_be_newest(await uow.lifecycle.newest(command.seller_id, command.marketplace))
    plaintext = await unseal(ciphertext, _identity(credential), vault.keys)
    keys = KIND_OF_KEYS[command.marketplace].decode(plaintext.reveal())
    _hide_from_logs(keys)
    return Lease(key_version=credential.key_version, expires_at=asked.at + vault.lease_duration, keys=keys)


async def _earlier_answer(
    command: PutCredential | RevokeCredential, uow: UnitOfWork, vault: Vault
) -> Credential | None:
    """What this request was answered before; from here on this seller's other commands wait."""
    await uow.lock_seller(command.seller_id)
    earlier = await uow.requests.find(command.seller_id, command.request_id)
    if earlier is None:
        return None
    if not await matches(
        earlier.fingerprint,
        command.body(),
        seller_id=command.seller_id,
        request_id=command.request_id,
        keys=vault.keys,
    ):
        raise RequestIdReused
    return earlier.answer


async def _keep(
    credential: Credential,
    ciphertext: Ciphertext | None,
    command: PutCredential | RevokeCredential,
    uow: UnitOfWork,
    vault: Vault,
) -> None:
    correlation_id = logs.correlation_id.get()
    await uow.credentials.save(credential, ciphertext)
    await uow.lifecycle.record(credential.last_event(), correlation_id)
    fingerprint = await fingerprint_of(
        command.body(), seller_id=command.seller_id, request_id=command.request_id, keys=vault.keys
    )
    await uow.requests.record(command.seller_id, command.request_id, fingerprint, credential, at=credential.updated_at)
    await uow.publish(connection_changed(credential, topic=vault.connections_topic, correlation_id=correlation_id))
    await uow.commit()


def _identity(credential: Credential) -> RecordIdentity:
    return RecordIdentity(
        seller_id=credential.seller_id, marketplace=credential.marketplace, version=credential.key_version
    )


def _hide_from_logs(keys: Keys) -> None:
    for value in keys.values():
        logs.learn_secret(value)


def _facts(credential: Credential) -> dict[str, object]:
    return {
        "seller": credential.seller_id,
        "marketplace": credential.marketplace,
        "key_version": credential.key_version,
        "actor": credential.updated_by,
    }


def _recordable(text: str) -> str:
    """Text of a caller who may be anybody, in a form that the log can always take."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text[:100])


def _request_id_problems(request_id: str) -> Iterator[FieldProblem]:
    if not _REQUEST_ID.fullmatch(request_id):
        yield FieldProblem("request_id", "must be 1 to 100 printable ASCII characters without spaces")


def _refuse(problems: Iterable[FieldProblem]) -> None:
    if found := list(problems):
        raise FieldsRefused(found)
