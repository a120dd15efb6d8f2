"""What everything that is done with a credential works with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from credentials.crypto.envelope import Ciphertext, KeyEncryptionKeys, Plaintext, RecordIdentity, seal, unseal
from credentials.domain.credential import Credential
from credentials.domain.keys import KIND_OF_KEYS, Keys
from credentials.storage.unit_of_work import UnitOfWork
from servicekit import logs
from servicekit.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Vault:
    """Where credentials are, what wraps their data keys, and what is told of them to whom."""

    transaction: Callable[[], UnitOfWork]
    keys: KeyEncryptionKeys
    clock: Clock
    connections_topic: str
    lease_duration: timedelta

    async def seal(self, keys: Keys, credential: Credential) -> Ciphertext:
        """The keys as this credential's row holds them."""
        return await seal(Plaintext(keys.encode()), _identity(credential), self.keys)

    async def open(self, ciphertext: Ciphertext, credential: Credential) -> Keys:
        """The keys in this credential's row, which no log shows from now on; raises Unreadable."""
        plaintext = await unseal(ciphertext, _identity(credential), self.keys)
        keys = KIND_OF_KEYS[credential.marketplace].decode(plaintext.reveal())
        hide_from_logs(keys.values())
        return keys


def hide_from_logs(values: tuple[str, ...]) -> None:
    """From now on no log line of this process shows them."""
    for value in values:
        logs.learn_secret(value)


def _identity(credential: Credential) -> RecordIdentity:
    return RecordIdentity(
        seller_id=credential.seller_id, marketplace=credential.marketplace, version=credential.key_version
    )
