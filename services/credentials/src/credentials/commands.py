"""What a seller can do with a credential: put it, rotate some of its values, revoke it. Each is one transaction."""

import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from credentials.audit_chain import append, newest_event
from credentials.crypto.envelope import Ciphertext, Plaintext
from credentials.crypto.fingerprint import fingerprint_of, matches
from credentials.crypto.framing import framed
from credentials.domain.credential import Credential, Shop, with_new_keys
from credentials.domain.errors import CredentialNotFound, FieldProblem, FieldsRefused, RequestIdReused
from credentials.domain.keys import Keys, KeysChange
from credentials.domain.lifecycle import ChainHead, LifecycleKind, Origin
from credentials.domain.marketplaces import marketplace_problems
from credentials.domain.validation import Validation
from credentials.events import connection_changed
from credentials.storage.unit_of_work import UnitOfWork
from credentials.vault import Vault, hide_from_logs
from servicekit import logs

logger = logging.getLogger(__name__)

_REQUEST_ID: Final = re.compile(r"[!-~]{1,100}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PutCredential:
    """Store these keys for this seller, new or in place of older ones."""

    seller_id: str
    actor: str
    certificate: str
    request_id: str
    keys: Keys
    shop: Shop

    def problems(self) -> Iterator[FieldProblem]:
        """What is wrong with its fields."""
        yield from _request_id_problems(self.request_id)
        yield from self.keys.problems()
        yield from self.shop.problems()
        if self.shop.name and self.shop.name in self.keys.values():  # it is stored and published in the clear
            yield FieldProblem("shop_name", "must not be one of the keys")

    def body(self) -> Plaintext:
        """What a repeat must have in common with the first."""
        shop = framed(self.shop.name, self.shop.currency_code, int(self.shop.is_empty))
        return Plaintext(framed("put", self.keys.marketplace, shop, *self.keys.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateCredential:
    """Replace some of this seller's values for a marketplace; the others, and the shop, stay as they are."""

    seller_id: str
    actor: str
    certificate: str
    request_id: str
    change: KeysChange

    def problems(self) -> Iterator[FieldProblem]:
        """What is wrong with its fields."""
        yield from _request_id_problems(self.request_id)
        yield from self.change.problems()

    def body(self) -> Plaintext:
        """What a repeat must have in common with the first."""
        named = (part for name in sorted(self.change.values) for part in (name, self.change.values[name]))
        return Plaintext(framed("rotate", self.change.marketplace, *named))


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeCredential:
    """Destroy this seller's keys for this marketplace."""

    seller_id: str
    actor: str
    certificate: str
    request_id: str
    marketplace: str

    def problems(self) -> Iterator[FieldProblem]:
        """What is wrong with its fields."""
        yield from _request_id_problems(self.request_id)
        yield from marketplace_problems(self.marketplace)

    def body(self) -> Plaintext:
        """What a repeat must have in common with the first."""
        return Plaintext(framed("revoke", self.marketplace))


Command = PutCredential | RotateCredential | RevokeCredential


async def put_credential(command: PutCredential, vault: Vault) -> Credential:
    """Seals and stores the keys and publishes the connection.

    Raises FieldsRefused or RequestIdReused.
    """
    _refuse(command.problems())
    hide_from_logs(command.keys.values())
    async with vault.transaction() as uow:
        if (answer := await _earlier_answer(command, uow, vault)) is not None:
            return answer
        credential = with_new_keys(
            await uow.credentials.find(command.seller_id, command.keys.marketplace),
            await uow.lifecycle.highest_version(command.seller_id, command.keys.marketplace),
            seller_id=command.seller_id,
            marketplace=command.keys.marketplace,
            shop=command.shop,
            actor=command.actor,
            now=vault.clock.now(),
        )
        ciphertext = await vault.seal(command.keys, credential)
        head = await _keep(credential, LifecycleKind.PUT, ciphertext, command, uow, vault)
    logger.info("keys put", extra=_facts(credential, head))
    return credential


async def rotate_credential(command: RotateCredential, vault: Vault) -> Credential:
    """Opens the keys, replaces the given values, and stores the whole as a new version. Publishes the connection.

    Raises FieldsRefused, RequestIdReused, CredentialNotFound if no keys are stored, RecordOutdated, ChainBroken or
    Unreadable.
    """
    _refuse(command.problems())
    hide_from_logs(tuple(command.change.values.values()))
    async with vault.transaction() as uow:
        if (answer := await _earlier_answer(command, uow, vault)) is not None:
            return answer
        marketplace = command.change.marketplace
        current, sealed = await uow.credentials.lock_sealed(command.seller_id, marketplace, to_change=True)
        current.must_be_newest(await newest_event(command.seller_id, marketplace, uow, vault))
        keys = (await vault.open(sealed, current)).changed(command.change)
        _refuse(keys.problems())
        credential = with_new_keys(
            current,
            await uow.lifecycle.highest_version(command.seller_id, marketplace),
            seller_id=current.seller_id,
            marketplace=current.marketplace,
            shop=current.shop,
            actor=command.actor,
            now=vault.clock.now(),
        )
        ciphertext = await vault.seal(keys, credential)
        head = await _keep(credential, LifecycleKind.ROTATE, ciphertext, command, uow, vault)
    logger.info("keys rotated", extra=_facts(credential, head) | {"values": sorted(command.change.values)})
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
        head = await _keep(credential, LifecycleKind.REVOKE, None, command, uow, vault)
    logger.info("keys revoked", extra=_facts(credential, head))
    return credential


async def record_validation(validation: Validation, vault: Vault) -> None:
    """Keeps what a test came to, unless a later one of these keys, or newer keys, were tested; raises FieldsRefused."""
    _refuse(validation.problems())
    async with vault.transaction() as uow:
        await uow.validations.record(validation)
        await uow.commit()


async def _earlier_answer(command: Command, uow: UnitOfWork, vault: Vault) -> Credential | None:
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
    kind: LifecycleKind,
    ciphertext: Ciphertext | None,
    command: Command,
    uow: UnitOfWork,
    vault: Vault,
) -> ChainHead:
    correlation_id = logs.correlation_id.get()
    await uow.credentials.save(credential, ciphertext, at=credential.updated_at)
    origin = Origin(correlation_id=correlation_id, certificate=command.certificate)
    head = await append(credential.event(kind), origin, uow, vault)
    fingerprint = await fingerprint_of(
        command.body(), seller_id=command.seller_id, request_id=command.request_id, keys=vault.keys
    )
    await uow.requests.record(command.seller_id, command.request_id, fingerprint, credential, at=credential.updated_at)
    event = connection_changed(credential, head, topic=vault.connections_topic, correlation_id=correlation_id)
    await uow.publish(event)
    await uow.commit()
    return head


def _facts(credential: Credential, head: ChainHead) -> dict[str, object]:
    """What the log tells; the head of the chain too: a trace outside the database, before the relay has made one."""
    return {
        "seller": credential.seller_id,
        "marketplace": credential.marketplace,
        "key_version": credential.key_version,
        "actor": credential.updated_by,
        "audit_length": head.length,
        "audit_head": head.mac.hex(),
    }


def _request_id_problems(request_id: str) -> Iterator[FieldProblem]:
    if not _REQUEST_ID.fullmatch(request_id):
        yield FieldProblem("request_id", "must be 1 to 100 printable ASCII characters without spaces")


def _refuse(problems: Iterable[FieldProblem]) -> None:
    if found := list(problems):
        raise FieldsRefused(found)
