"""The record of a shop's keys over REST."""

from datetime import UTC, datetime

import httpx

from brickops.credentials.v1 import credential_audit_pb2 as audit_pb
from gateway.testing.services import Services

PATH = "/v1/connections/bricklink"
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


async def test_what_happened_to_keys_is_listed_page_by_page(owner: httpx.AsyncClient, services: Services) -> None:
    put = audit_pb.CredentialEvent(
        kind=audit_pb.CREDENTIAL_EVENT_KIND_PUT, correlation_id="c-1", key_version=1, actor="user-1"
    )
    reseal = audit_pb.CredentialEvent(
        kind=audit_pb.CREDENTIAL_EVENT_KIND_RESEAL, correlation_id="c-1", key_version=1, actor="credentials", position=2
    )
    put.certificate = "0123abcd"
    for event in (put, reseal):
        event.at.FromDatetime(NOON)
    services.credentials.events[:] = [reseal, put]

    first = (await owner.get(f"{PATH}/key-events", params={"limit": 1})).json()
    second = (await owner.get(f"{PATH}/key-events", params={"limit": 1, "cursor": first["next_cursor"]})).json()

    assert second["next_cursor"] is None
    assert [*first["items"], *second["items"]] == [
        {
            "kind": "reseal",
            "key_version": 1,
            "at": "2026-11-01T12:00:00Z",
            "actor": "credentials",
            "certificate": None,
            "correlation_id": "c-1",
            "position": 2,
        },
        {
            "kind": "put",
            "key_version": 1,
            "at": "2026-11-01T12:00:00Z",
            "actor": "user-1",
            "certificate": "0123abcd",
            "correlation_id": "c-1",
            "position": None,
        },
    ]
    assert (await owner.get("/v1/connections/nowhere/key-events")).status_code == 404


async def test_who_borrowed_keys_is_listed(owner: httpx.AsyncClient, services: Services) -> None:
    lent = audit_pb.LeaseRecord(caller="sync-bricklink", granted=True, key_version=1, certificate="0123abcd")
    refused = audit_pb.LeaseRecord(caller="gateway", refusal="caller_not_allowed")
    for lease in (lent, refused):
        lease.at.FromDatetime(NOON)
    lent.expires_at.FromDatetime(NOON)
    services.credentials.leases[:] = [refused, lent]

    first, second = (await owner.get(f"{PATH}/leases")).json()["items"]

    assert (first["granted"], first["refusal"], first["key_version"]) == (False, "caller_not_allowed", None)
    assert (second["granted"], second["refusal"], second["expires_at"]) == (True, None, "2026-11-01T12:00:00Z")
    assert (await owner.get("/v1/connections/nowhere/leases")).status_code == 404
