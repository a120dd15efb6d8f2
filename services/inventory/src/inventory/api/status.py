"""What a refusal of the domain is over gRPC: the one table."""

from typing import Final

from grpc import StatusCode

from inventory.domain.errors import (
    AlreadyUndone,
    BulkEditIsOver,
    BulkEditIsRunning,
    BulkEditNotFound,
    ChangedSince,
    ChangeNotFound,
    ImportIsRunning,
    ImportNotFound,
    ImportUndoNotFound,
    LotNotFound,
    NotEnoughPieces,
    NothingToRedo,
    NotUndoable,
    RequestIdReused,
    ReturnHasChanged,
    ReturnIsClosed,
    ReturnNotFound,
    StaleRevision,
    UndoIsRunning,
)
from inventory.imports.operation import ImportIsOver, ImportNotInPreview, NothingToImport
from servicekit.grpc_errors import ErrorTable

STATUS_OF: Final[ErrorTable] = {
    LotNotFound: (StatusCode.NOT_FOUND, "LOT_NOT_FOUND"),
    ChangeNotFound: (StatusCode.NOT_FOUND, "CHANGE_NOT_FOUND"),
    ImportNotFound: (StatusCode.NOT_FOUND, "IMPORT_NOT_FOUND"),
    ImportNotInPreview: (StatusCode.FAILED_PRECONDITION, "IMPORT_NOT_IN_PREVIEW"),
    ImportIsOver: (StatusCode.FAILED_PRECONDITION, "IMPORT_IS_OVER"),
    NothingToImport: (StatusCode.FAILED_PRECONDITION, "NOTHING_TO_IMPORT"),
    StaleRevision: (StatusCode.ABORTED, "STALE_REVISION"),
    NotEnoughPieces: (StatusCode.FAILED_PRECONDITION, "NOT_ENOUGH_PIECES"),
    ImportUndoNotFound: (StatusCode.NOT_FOUND, "IMPORT_UNDO_NOT_FOUND"),
    AlreadyUndone: (StatusCode.FAILED_PRECONDITION, "ALREADY_UNDONE"),
    NothingToRedo: (StatusCode.FAILED_PRECONDITION, "NOTHING_TO_REDO"),
    UndoIsRunning: (StatusCode.FAILED_PRECONDITION, "UNDO_IS_RUNNING"),
    NotUndoable: (StatusCode.FAILED_PRECONDITION, "NOT_UNDOABLE"),
    ChangedSince: (StatusCode.FAILED_PRECONDITION, "CHANGED_SINCE"),
    ImportIsRunning: (StatusCode.FAILED_PRECONDITION, "IMPORT_IS_RUNNING"),
    BulkEditNotFound: (StatusCode.NOT_FOUND, "BULK_EDIT_NOT_FOUND"),
    BulkEditIsOver: (StatusCode.FAILED_PRECONDITION, "BULK_EDIT_IS_OVER"),
    BulkEditIsRunning: (StatusCode.FAILED_PRECONDITION, "BULK_EDIT_IS_RUNNING"),
    ReturnNotFound: (StatusCode.NOT_FOUND, "RETURN_NOT_FOUND"),
    ReturnIsClosed: (StatusCode.FAILED_PRECONDITION, "RETURN_IS_CLOSED"),
    ReturnHasChanged: (StatusCode.FAILED_PRECONDITION, "RETURN_HAS_CHANGED"),
    RequestIdReused: (StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED"),
}
"""InvalidFields is missing here on purpose: the servicer tells its violations one by one."""
