"""What each error is over gRPC. An outdated or unreadable record is ours to look into: not listed, so INTERNAL."""

from typing import Final

from grpc import StatusCode

from credentials.domain.errors import CredentialNotFound, RequestIdReused
from servicekit.grpc_errors import ErrorTable

STATUS_OF: Final[ErrorTable] = {
    CredentialNotFound: (StatusCode.NOT_FOUND, "CREDENTIAL_NOT_FOUND"),
    RequestIdReused: (StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED"),
}
