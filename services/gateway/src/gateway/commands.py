"""What commands have in common: a request id, the revision they expect, a reason."""

import re
import uuid
from typing import Annotated

from fastapi import Depends, Header

from gateway.problems import Problem

_ETAG = re.compile(r'"([0-9]{1,18})"|([0-9]{1,18})')


def _request_id(
    idempotency_key: Annotated[
        str,
        Header(
            alias="Idempotency-Key",
            default_factory=lambda: str(uuid.uuid4()),
            pattern=r"^[!-~]{1,100}$",
            description="1 to 100 printable ASCII characters, no spaces. A request repeated with the same key has no "
            "second effect and gets the same answer; the same key with another body is refused. Made up if absent.",
        ),
    ],
) -> str:
    return idempotency_key


RequestId = Annotated[str, Depends(_request_id)]


def _expected_revision(
    if_match: Annotated[
        str,
        Header(
            alias="If-Match",
            description='The revision that the lot must have, as its ETag: `"7"`. Refused with 412 otherwise.',
        ),
    ] = "*",
) -> int | None:
    if if_match == "*":
        return None
    match = _ETAG.fullmatch(if_match)
    if match is None:
        raise Problem.of_field("If-Match", 'must be one ETag of the lot, such as "7"')
    return int(match[1] or match[2])


ExpectedRevision = Annotated[int | None, Depends(_expected_revision)]


def etag_of(revision: int) -> dict[str, str]:
    """The header that tells a lot's revision."""
    return {"ETag": f'"{revision}"'}
