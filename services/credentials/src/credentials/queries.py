"""What can be asked of a credential without its keys."""

from dataclasses import dataclass
from datetime import datetime

from credentials.domain.credential import Credential
from credentials.domain.errors import CredentialNotFound, FieldsRefused
from credentials.domain.marketplaces import marketplace_problems
from credentials.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A credential, and what is known besides."""

    credential: Credential
    lease_expires_at: datetime | None
    """Until when a sync service may hold the keys, also ones revoked since; None if none does."""


async def get_status(seller_id: str, marketplace: str, vault: Vault) -> Status:
    """What is known of the seller's keys, there or revoked; raises FieldsRefused, CredentialNotFound if never put."""
    if problems := list(marketplace_problems(marketplace)):
        raise FieldsRefused(problems)
    async with vault.transaction() as uow:
        credential = await uow.credentials.find(seller_id, marketplace)
        if credential is None:
            raise CredentialNotFound(marketplace)
        lent_until = await uow.lease_log.lent_until(seller_id, marketplace, now=vault.clock.now())
    return Status(credential=credential, lease_expires_at=lent_until)
