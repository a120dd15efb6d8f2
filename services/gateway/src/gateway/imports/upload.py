"""A file as it arrives: in a form, or as the body itself."""

from dataclasses import dataclass
from http import HTTPStatus

from fastapi import Request
from starlette.datastructures import UploadFile

from gateway.guard import IMPORT_LIMIT, too_large
from gateway.problems import FieldProblem, Problem

XML = ("application/xml", "text/xml")
CSV = "text/csv"
FORM = "multipart/form-data"
_NAME_SHOWN = 200


@dataclass(frozen=True)
class Upload:
    """A file, whole."""

    content: bytes
    name: str
    """As the seller's machine calls it; empty if it did not say."""


async def read_upload(request: Request) -> Upload:
    """The one file that a request brings. Raises Problem: 400, 413 while it is read, 415."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type in {*XML, CSV}:
        upload = Upload(await request.body(), "")
    elif media_type == FORM:
        upload = await _from_form(request)
    else:
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "MEDIA_TYPE_NOT_SUPPORTED",
            f"Send a form ({FORM}) with the field `file`, or the file itself as {XML[0]} or {CSV}.",
        )
    if len(upload.content) > IMPORT_LIMIT:
        raise too_large(IMPORT_LIMIT)
    if not upload.content:
        raise Problem.of_field("file", "is empty")
    return upload


async def _from_form(request: Request) -> Upload:
    async with request.form(max_files=1, max_fields=1, max_part_size=1024) as form:
        unknown = [FieldProblem(field=name, detail="is not known here") for name in form if name != "file"]
        if unknown:
            raise Problem.of_fields(unknown)
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise Problem.of_field("file", "is required, as a file")
        return Upload(await file.read(), (file.filename or "").replace("\0", "")[:_NAME_SHOWN])
