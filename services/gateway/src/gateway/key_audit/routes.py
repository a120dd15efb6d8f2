"""/v1/connections/{marketplace}/key-events and /leases."""

from typing import Annotated

from fastapi import APIRouter, Path

from brickops.credentials.v1 import credentials_admin_service_pb2 as credentials
from gateway.guard import BEARER, GuardedRoute
from gateway.key_audit.models import KeyEvent, KeyLease
from gateway.key_audit.translate import event_of, lease_of
from gateway.pages import Page, PageAsked
from gateway.problems import problems
from gateway.upstreams import FromBehind

router = APIRouter(prefix="/v1/connections", tags=["connections"], route_class=GuardedRoute, dependencies=[BEARER])

Marketplace = Annotated[str, Path(description="The marketplace.", examples=["bricklink"])]


@router.get("/{marketplace}/key-events", summary="List what happened to a shop's keys", responses=problems(404))
async def list_key_events(marketplace: Marketplace, query: PageAsked, behind: FromBehind) -> Page[KeyEvent]:
    """Lists who put, rotated and revoked the keys, and when, newest first. It is never altered."""
    behind.sync(marketplace)
    asked = credentials.ListCredentialEventsRequest(
        marketplace=marketplace, page_size=query.limit, page_token=query.cursor
    )
    answer = await behind.ask(behind.credentials.ListCredentialEvents, asked)
    return Page(items=[event_of(one) for one in answer.events], next_cursor=answer.next_page_token or None)


@router.get("/{marketplace}/leases", summary="List who borrowed a shop's keys", responses=problems(404))
async def list_leases(marketplace: Marketplace, query: PageAsked, behind: FromBehind) -> Page[KeyLease]:
    """Lists which service asked for the keys, and what came of it, newest first, for as long as that is kept."""
    behind.sync(marketplace)
    asked = credentials.ListLeasesRequest(marketplace=marketplace, page_size=query.limit, page_token=query.cursor)
    answer = await behind.ask(behind.credentials.ListLeases, asked)
    return Page(items=[lease_of(one) for one in answer.leases], next_cursor=answer.next_page_token or None)
