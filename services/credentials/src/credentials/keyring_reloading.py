"""The keyring as its file is now: a rotation, or a key that retires, needs no restart of a process that serves."""

import asyncio
import logging
from dataclasses import replace
from pathlib import Path

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from credentials.crypto.envelope import Plaintext, WrappedKey
from credentials.crypto.keyring import Keyring, KeyringError
from credentials.domain.hidden import Hidden
from credentials.keyring_check import KeyringUnfit, check_keyring
from credentials.vault import Vault
from servicekit.logs import describe
from servicekit.postgres import is_outage

logger = logging.getLogger(__name__)

_EVERY_SECONDS = 1.0


class KeyringInUse(Hidden):
    """The KeyEncryptionKeys of the keyring that was taken last."""

    __slots__ = ("keyring",)

    def __init__(self, keyring: Keyring) -> None:
        self.keyring = keyring

    @property
    def primary_id(self) -> str:
        """The id of the key that wraps now."""
        return self.keyring.primary_id

    async def wrap(self, key: Plaintext, binding: bytes) -> WrappedKey:
        """As `Keyring.wrap`."""
        return await self.keyring.wrap(key, binding)

    async def unwrap(self, wrapped: WrappedKey, binding: bytes) -> Plaintext:
        """As `Keyring.unwrap`."""
        return await self.keyring.unwrap(wrapped, binding)


async def watch_keyring(path: Path, in_use: KeyringInUse, vault: Vault) -> None:
    """Until cancelled, take the keyring in the file once it is another one, whole, and opens what the database holds.

    Until then the one that was taken last is used, and the log says why, once for each problem.
    """
    told: object = None
    while True:
        await asyncio.sleep(_EVERY_SECONDS)
        try:
            told = await _look(path, in_use, vault, told)
        except (DBAPIError, PoolTimeoutError) as error:
            if not is_outage(error):
                raise
            logger.warning("another keyring waits for the database", extra={"because": describe(error)})


async def _look(path: Path, in_use: KeyringInUse, vault: Vault, told: object) -> object:
    """Look at the file once; answers what was told of it, now or before: None if it is the one in use."""
    try:
        found = await asyncio.to_thread(Keyring.read, path)
    except KeyringError as problem:
        return _tell(str(problem), str(problem), told)
    if found == in_use.keyring:
        if told is not None:
            logger.info("the keyring in the file is the one in use again")
        return None
    if in_use.primary_id not in found.active_ids:  # what is being wrapped now could not be opened any more
        return _tell(found, f"{path}: {in_use.primary_id} wraps, so another must be primary before it retires", told)
    try:
        await check_keyring(replace(vault, keys=found))
    except KeyringUnfit as problem:  # whose words count keys, and may change all the while
        return _tell(found, f"{path}: {problem}", told)
    in_use.keyring = found
    logger.info("another keyring is in use", extra={"primary": found.primary_id, "active": found.active_ids})
    return None


def _tell(problem: object, words: str, told: object) -> object:
    if problem != told:
        logger.error("the changed keyring is not taken", extra={"because": words})
    return problem
