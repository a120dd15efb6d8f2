"""How an import ends before its last row."""

from inventory.commands import By
from inventory.imports.operation import Import, ImportIsOver, ImportState
from inventory.storage.imports import lock_import, move_import
from inventory.storage.unit_of_work import UnitOfWork


async def cancel_import(import_id: str, by: By, work: UnitOfWork) -> Import:
    """Ends an import; one that was cancelled before stays so. Raises ImportNotFound, ImportIsOver.

    A chunk holds the import's row, so this waits for the one that is under way: its lots are made and stay.
    """
    operation = await lock_import(work.conn, by.seller_id, import_id)
    if operation.state in {ImportState.DONE, ImportState.EXPIRED} or operation.is_expired(by.at):
        raise ImportIsOver
    if operation.state is ImportState.CANCELLED:
        return operation
    return await move_import(work.conn, import_id, by.at, finished_at=by.at)
