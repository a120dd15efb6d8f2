"""What can be asked of a credential without its keys."""

from dataclasses import dataclass
from datetime import datetime

from credentials.domain.credential import Credential
from credentials.domain.errors import CredentialNotFound, FieldsRefused
from credentials.domain.lease import LeaseRecord
from credentials.domain.lifecycle import LifecycleRow
from credentials.domain.marketplaces import marketplace_problems
from credentials.domain.validation import Validation
from credentials.storage.lease_log import LeasePlace
from credentials.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A credential, and what is known besides."""

    credential: Credential
    lease_expires_at: datetime | None
    """Until when a sync service may hold the keys, also ones revoked since; None if none does."""
    validation: Validation | None
    """The last test of this version of the keys."""


async def list_events(
    seller_id: str, marketplace: str, vault: Vault, *, before: int | None, limit: int
) -> list[LifecycleRow]:
    """What happened to the seller's keys, newest first, ids below `before` only; raises FieldsRefused."""
    _check(marketplace)
    async with vault.transaction() as uow:
        return await uow.lifecycle.list_page(seller_id, marketplace, before=before, limit=limit)


async def list_leases(
    seller_id: str, marketplace: str, vault: Vault, *, before: LeasePlace | None, limit: int
) -> list[tuple[LeasePlace, LeaseRecord]]:
    """Who asked for the seller's keys, newest first, places before `before` only; raises FieldsRefused."""
    _check(marketplace)
    async with vault.transaction() as uow:
        return await uow.lease_log.list_page(seller_id, marketplace, before=before, limit=limit)


async def get_status(seller_id: str, marketplace: str, vault: Vault) -> Status:
    """What is known of the seller's keys, there or revoked; raises FieldsRefused, CredentialNotFound if never put."""
    _check(marketplace)
    async with vault.transaction() as uow:
        credential = await uow.credentials.find(seller_id, marketplace)
        if credential is None:
            raise CredentialNotFound(marketplace)
        lent_until = await uow.lease_log.lent_until(seller_id, marketplace, now=vault.clock.now())
        validation = await uow.validations.find(seller_id, marketplace, credential.key_version)
    return Status(credential=credential, lease_expires_at=lent_until, validation=validation)


def _check(marketplace: str) -> None:
    if problems := list(marketplace_problems(marketplace)):
        raise FieldsRefused(problems)
