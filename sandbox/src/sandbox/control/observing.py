"""The control API's part for tests: faults, the request log, and waiting for something to happen."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, Field

from sandbox.control.asking import AShop
from sandbox.control.shops import PREFIX
from sandbox.hosting.faults import ActiveFault, Fault, Hit
from sandbox.hosting.hosted import HostedShop
from sandbox.hosting.request_log import LoggedRequest, Reply, RequestFilter

router = APIRouter(prefix=f"{PREFIX}/{{shop}}", tags=["faults and the request log"])


class FaultShown(BaseModel):
    """A fault, and what it did so far."""

    id: str
    fault: Fault
    matched: int
    """Requests that it matched, hit or not."""
    hits: list[Hit]
    spent: bool


class Released(BaseModel):
    """How many withheld replies were let go."""

    released: int


class Waited(BaseModel):
    """What was waited for."""

    fault: FaultShown | None = None
    requests: list[LoggedRequest] = []


class Asked(BaseModel):
    """Which requests are meant."""

    after: int = 0
    """Only those with a higher number."""
    method: str | None = None
    path: str | None = None
    """A regular expression for the whole path below the API's root."""
    applied: bool | None = None
    """Only writes that landed, or only those that did not."""
    reply: Reply | None = None

    @property
    def filter(self) -> RequestFilter:
        """The same, for the log."""
        return RequestFilter(
            after=self.after, method=self.method, path=self.path, applied=self.applied, reply=self.reply
        )


@router.post("/faults", status_code=201)
async def set_fault(host: AShop, fault: Fault) -> FaultShown:
    """Switch a fault on. It is gone after a restart of the sandbox."""
    return _fault_shown(host.faults.set(fault, host.shop.copy()))


@router.get("/faults")
async def list_faults(host: AShop) -> list[FaultShown]:
    """List the faults, spent ones too."""
    return [_fault_shown(active) for active in host.faults]


@router.delete("/faults", status_code=204)
async def clear_faults(host: AShop) -> None:
    """Switch all faults off and release what they withhold."""
    host.faults.clear()


@router.get("/faults/{fault_id}")
async def get_fault(host: AShop, fault_id: str) -> FaultShown:
    """Show a fault and what it hit."""
    return _fault_shown(_fault(host, fault_id))


@router.delete("/faults/{fault_id}", status_code=204)
async def remove_fault(host: AShop, fault_id: str) -> None:
    """Switch a fault off and release what it withholds."""
    _fault(host, fault_id)
    host.faults.remove(fault_id)


@router.post("/faults/{fault_id}/release")
async def release(host: AShop, fault_id: str) -> Released:
    """Let the replies go that this fault withholds."""
    return Released(released=_fault(host, fault_id).release())


@router.get("/requests")
async def list_requests(host: AShop, asked: Annotated[Asked, Query()]) -> list[LoggedRequest]:
    """List the requests to the API, oldest first, with what each did to the stock."""
    return host.log.list(asked.filter)


class WaitedFor(Asked):
    """What to wait for: hits of a fault, or else requests."""

    fault: str | None = None
    """The id of a fault; then the other filters do not count."""
    count: int = 1
    """How many hits, or requests."""
    timeout: float = Field(default=30, gt=0, le=600)
    """Seconds."""


@router.get("/wait", responses={408: {"description": "It did not happen in time"}})
async def wait(host: AShop, asked: Annotated[WaitedFor, Query()]) -> Waited:
    """Wait until a fault has hit `count` requests, or until the log holds `count` requests that are meant."""
    try:
        async with asyncio.timeout(asked.timeout):
            if asked.fault is not None:
                active = _fault(host, asked.fault)
                await _until(host, lambda: len(active.hits) >= asked.count)
                return Waited(fault=_fault_shown(active))
            await _until(host, lambda: len(host.log.list(asked.filter)) >= asked.count)
            return Waited(requests=host.log.list(asked.filter))
    except TimeoutError:
        raise HTTPException(408, f"Did not happen within {asked.timeout:g} seconds") from None


async def _until(host: HostedShop[Any, Any], holds: Callable[[], bool]) -> None:
    while not holds():
        if host.is_stopping:
            raise HTTPException(503, "The shop or the sandbox is being stopped")
        await host.bell.wait()


def _fault(host: HostedShop[Any, Any], fault_id: str) -> ActiveFault[Any]:
    active: ActiveFault[Any] | None = host.faults.find(fault_id)
    if active is None:
        raise HTTPException(404, f"No such fault: {fault_id}")
    return active


def _fault_shown(active: ActiveFault[Any]) -> FaultShown:
    return FaultShown(
        id=active.fault_id,
        fault=active.fault,
        matched=active.matched,
        hits=active.hits,
        spent=active.is_spent,
    )
