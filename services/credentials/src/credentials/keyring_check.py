"""Whether the keyring opens what the database holds: asked at start, before any seller finds out that it does not."""

from credentials.crypto.envelope import Unreadable
from credentials.storage.wrapped_keys import TABLES, StoredKey
from credentials.vault import Vault

_TRIED = 3
"""Keys tried of each kind: one that was tampered with must not keep the service from starting."""


class KeyringUnfit(Exception):
    """The keyring lacks a key that the database needs, or has another one under its id. Names ids only."""


async def check_keyring(vault: Vault) -> None:
    """Raises KeyringUnfit, naming every key-encryption key that is needed and does not work."""
    problems = []
    for table in TABLES:
        async with vault.transaction() as uow:
            counts = await uow.wrapped_keys.count_by_kek(table)
            tried = {kek_id: await uow.wrapped_keys.list_under(table, kek_id, limit=_TRIED) for kek_id in counts}
        for kek_id, stored in tried.items():
            if problem := await _problem_of(stored, vault):
                wrapped = "1 key" if counts[kek_id] == 1 else f"{counts[kek_id]} keys"
                problems.append(f"{wrapped} in the table {table} are wrapped by {kek_id}, but {problem}")
    if problems:
        raise KeyringUnfit("the keyring does not fit the database:\n" + "\n".join(problems))


async def _problem_of(stored: list[StoredKey], vault: Vault) -> str:
    problem = ""
    for one in stored:
        try:
            await vault.keys.unwrap(one.key, one.binding)
        except Unreadable as unreadable:
            problem = str(unreadable)
        else:
            return ""
    return problem
