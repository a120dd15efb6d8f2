"""What can be asked of a credential without its keys."""

from credentials.commands import Vault
from credentials.domain.credential import Credential
from credentials.domain.errors import CredentialNotFound, FieldsRefused
from credentials.domain.marketplaces import marketplace_problems


async def get_credential(seller_id: str, marketplace: str, vault: Vault) -> Credential:
    """The seller's credential, with keys or revoked; raises FieldsRefused, or CredentialNotFound if never put."""
    if problems := list(marketplace_problems(marketplace)):
        raise FieldsRefused(problems)
    async with vault.transaction() as uow:
        credential = await uow.credentials.find(seller_id, marketplace)
    if credential is None:
        raise CredentialNotFound(marketplace)
    return credential
