"""/healthz and /readyz, for whoever runs the gateway."""

from http import HTTPStatus

from fastapi import APIRouter, Request
from pydantic import BaseModel

from gateway.problems import RETRY_AFTER_SECONDS, Problem, problems
from gateway.signing_keys import KeysUnavailable, SigningKeys

router = APIRouter(tags=["probes"])


class Healthy(BaseModel):
    """All is well."""

    status: str = "ok"


@router.get("/healthz", summary="Whether the process lives")
async def healthz() -> Healthy:
    """Answers as long as the process can answer at all."""
    return Healthy()


@router.get("/readyz", summary="Whether requests can be answered", responses=problems(503))
async def readyz(request: Request) -> Healthy:
    """Ready once the issuer's keys are known.

    The services behind do not count: while one is away, the others' part of this API still works.
    """
    keys: SigningKeys = request.app.state.keys
    try:
        await keys.load()
    except KeysUnavailable:
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "NOT_READY",
            "The issuer's keys are not known yet.",
            headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
        ) from None
    return Healthy()
