"""What each error is over gRPC. An outdated or unreadable record is ours to look into: not listed, so INTERNAL."""

from typing import Final

from grpc import StatusCode
from servicekit.grpc_errors import ErrorTable

from credentials.domain.errors import CredentialNotFound, RequestIdReused

STATUS_OF: Final[ErrorTable] = {
    CredentialNotFound: (StatusCode.NOT_FOUND, "CREDENTIAL_NOT_FOUND"),
    RequestIdReused: (StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED"),
}
