"""What waits for a person, over REST, and what a person says: the lot first, then the shop's books, each once."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.struct_pb2 import Value

from brickops.inventory.v1 import change_pb2, lot_pb2, lot_sync_pb2, return_pb2
from brickops.inventory.v1.money_pb2 import Money
from brickops.sync.v1 import sync_service_pb2, waiting_pb2
from gateway.testing.services import Services

PATH = "/v1/connections/bricklink"
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
LOT = {
    "item_type": "PART",
    "item_no": "3001",
    "color_id": 5,
    "condition": "NEW",
    "quantity": 40,
    "unit_price": {"amount": "0.12", "currency": "EUR"},
}
ITEM = lot_pb2.Item(type=lot_pb2.ITEM_TYPE_PART, number="3001", color_id=5, condition=lot_pb2.CONDITION_NEW)


@pytest.fixture
async def lot_id(owner: httpx.AsyncClient, services: Services) -> str:
    """A lot at revision 1; nothing waits for anybody yet."""
    shop = services.sync_bricklink
    shop.waiting, shop.answered, shop.lines, shop.unowned = [], [], [], []
    return str((await owner.post("/v1/lots", json=LOT)).json()["lot_id"])


def listing(listing_id: str) -> waiting_pb2.UnownedListing:
    told = waiting_pb2.UnownedListing(listing_id=listing_id, item=ITEM, quantity=3, for_sale=True)
    told.fields.update({"unit_price": "0.1300", "bulk": 2, "note": None})
    told.seen_at.FromDatetime(NOON)
    return told


def in_trouble(lot_id: str, difference: int = -3) -> waiting_pb2.WaitingLot:
    told = waiting_pb2.WaitingLot(lot_id=lot_id, listing_id="123", revision=1)
    told.trouble.CopyFrom(
        waiting_pb2.TroubleTold(
            trouble="NUMBER_UNEXPLAINED",
            message="The shop shows another quantity.",
            ours=40,
            theirs=40 + difference,
            difference=difference,
            answers=[waiting_pb2.TROUBLE_ANSWER_SHOP_IS_RIGHT, waiting_pb2.TROUBLE_ANSWER_OURS_IS_RIGHT],
        )
    )
    return told


def in_conflict(lot_id: str) -> waiting_pb2.WaitingLot:
    told = waiting_pb2.WaitingLot(lot_id=lot_id, listing_id="123", revision=1)
    told.conflicts.add(
        field="unit_price",
        group=lot_sync_pb2.FIELD_GROUP_PRICE,
        sent=Value(string_value="0.1200"),
        ours=Value(string_value="0.1200"),
        theirs=Value(string_value="0.1300"),
        lot=lot_pb2.Lot(unit_price=Money(nanos=130_000_000, currency_code="EUR")),
        mask=FieldMask(paths=["unit_price"]),
    )
    return told


async def lot(client: httpx.AsyncClient, lot_id: str) -> Any:
    return (await client.get(f"/v1/lots/{lot_id}")).json()


async def test_what_waits_is_listed_with_its_words_and_answers(
    owner: httpx.AsyncClient, services: Services, lot_id: str
) -> None:
    alike = waiting_pb2.WaitingLot(lot_id="other", revision=2)
    alike.trouble.CopyFrom(waiting_pb2.TroubleTold(trouble="LOOK_ALIKE", message="Is it?", look_alikes=[listing("7")]))
    alike.parked.add(group=lot_sync_pb2.FIELD_GROUP_TEXT, reason="REFUSED", message="Refused.", revision=2)
    services.sync_bricklink.waiting = [in_trouble(lot_id), in_conflict("third"), alike]

    items = (await owner.get(f"{PATH}/waiting", params={"limit": 3})).json()["items"]

    assert items[0] == {
        "lot_id": lot_id,
        "listing_id": "123",
        "revision": 1,
        "parked": [],
        "conflicts": [],
        "trouble": {
            "trouble": "NUMBER_UNEXPLAINED",
            "message": "The shop shows another quantity.",
            "ours": 40,
            "theirs": 37,
            "difference": -3,
            "look_alikes": [],
            "lines": [],
            "answers": ["shop_is_right", "ours_is_right"],
        },
    }
    assert items[1]["conflicts"] == [
        {
            "field": "unit_price",
            "group": "price",
            "sent": "0.1200",
            "ours": "0.1200",
            "theirs": "0.1300",
            "can_take_theirs": True,
        }
    ]
    assert items[2]["parked"] == [{"group": "text", "reason": "REFUSED", "message": "Refused.", "revision": 2}]
    assert items[2]["trouble"]["look_alikes"][0]["fields"] == {"bulk": 2, "note": None, "unit_price": "0.1300"}
    by_reason = (await owner.get(f"{PATH}/waiting", params={"reason": "LOOK_ALIKE"})).json()["items"]
    assert [one["lot_id"] for one in by_reason] == ["other"]
    assert (await owner.get(f"{PATH}/waiting/{lot_id}")).json() == items[0]
    assert (await owner.get(f"{PATH}/waiting/nobody")).status_code == 404
    assert (await owner.get("/v1/connections/nowhere/waiting")).status_code == 404


async def test_the_shops_number_changes_the_lot_by_the_difference_and_once(
    owner: httpx.AsyncClient, services: Services, lot_id: str
) -> None:
    services.sync_bricklink.waiting = [in_trouble(lot_id)]
    body = {"trouble": "NUMBER_UNEXPLAINED", "answer": "shop_is_right", "difference": -3}
    key = {"Idempotency-Key": "k" * 100}

    answer = await owner.post(f"{PATH}/waiting/{lot_id}/trouble", json=body, headers=key)

    assert (answer.status_code, answer.json()) == (200, {"message": "answered"})
    assert [one.lot_revision for one in services.sync_bricklink.answered] == [2]
    again = await owner.post(f"{PATH}/waiting/{lot_id}/trouble", json=body, headers=key)
    assert (again.status_code, again.json()) == (200, {"message": "answered"})
    shown = await lot(owner, lot_id)
    assert (shown["quantity"], shown["revision"]) == (37, 2)


@pytest.mark.parametrize("dies", ["before", "after"])
async def test_a_gateway_that_dies_between_the_two_is_made_good_by_a_repeat(
    owner: httpx.AsyncClient, services: Services, lot_id: str, dies: str
) -> None:
    """The lot was changed; the shop's books never heard of it, or their answer was lost."""
    shop = services.sync_bricklink
    shop.waiting = [in_trouble(lot_id)]
    body = {"trouble": "NUMBER_UNEXPLAINED", "answer": "shop_is_right", "difference": -3}
    key = {"Idempotency-Key": f"dies-{dies}-{lot_id}"}

    async def dying(request: Any, context: Any) -> Any:
        if dies == "after":
            await shop.answer_trouble(request, context)
        await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "dead")

    shop.answering_trouble = dying
    assert (await owner.post(f"{PATH}/waiting/{lot_id}/trouble", json=body, headers=key)).status_code == 503
    shop.answering_trouble = None

    answer = await owner.post(f"{PATH}/waiting/{lot_id}/trouble", json=body, headers=key)

    assert (answer.status_code, answer.json()) == (200, {"message": "answered"})
    shown = await lot(owner, lot_id)
    assert (shown["quantity"], shown["revision"]) == (37, 2)
    assert len(shop.answered) == 1


async def test_what_is_no_longer_so_changes_nothing(owner: httpx.AsyncClient, services: Services, lot_id: str) -> None:
    services.sync_bricklink.waiting = [in_trouble(lot_id, difference=-2)]
    body = {"trouble": "NUMBER_UNEXPLAINED", "answer": "shop_is_right", "difference": -3}

    answer = await owner.post(f"{PATH}/waiting/{lot_id}/trouble", json=body)

    assert (answer.status_code, answer.json()["reason"]) == (409, "CHANGED_SINCE")
    assert (await lot(owner, lot_id))["revision"] == 1


async def test_a_lot_changed_for_what_was_settled_in_that_moment_is_as_it_was(
    owner: httpx.AsyncClient, services: Services, lot_id: str
) -> None:
    shop = services.sync_bricklink
    shop.waiting = [in_trouble(lot_id)]
    body = {"trouble": "NUMBER_UNEXPLAINED", "answer": "shop_is_right", "difference": -3}

    async def settled(request: Any, context: Any) -> Any:
        shop.waiting.clear()
        return await shop.answer_trouble(request, context)

    shop.answering_trouble = settled
    answer = await owner.post(f"{PATH}/waiting/{lot_id}/trouble", json=body)
    shop.answering_trouble = None

    assert answer.status_code == 404
    changes = (await owner.get("/v1/changes", params={"lot_id": lot_id})).json()["items"]
    assert changes[1]["undone_by"] == changes[0]["change_id"]


async def test_other_answers_go_to_the_shops_books_alone(
    owner: httpx.AsyncClient, services: Services, lot_id: str
) -> None:
    told = waiting_pb2.WaitingLot(lot_id=lot_id, revision=1)
    told.trouble.CopyFrom(waiting_pb2.TroubleTold(trouble="LOOK_ALIKE"))
    services.sync_bricklink.waiting = [told]
    body = {"trouble": "LOOK_ALIKE", "answer": "list_anew", "look_alikes": ["7", "8"]}

    assert (await owner.post(f"{PATH}/waiting/{lot_id}/trouble", json=body)).status_code == 200

    (asked,) = services.sync_bricklink.answered
    assert asked.answer == waiting_pb2.TROUBLE_ANSWER_LIST_ANEW
    assert list(asked.seen_listing_ids) == ["7", "8"]
    assert (await lot(owner, lot_id))["revision"] == 1


async def test_ours_leaves_the_lot_as_it_is(owner: httpx.AsyncClient, services: Services, lot_id: str) -> None:
    services.sync_bricklink.waiting = [in_conflict(lot_id)]
    path = f"{PATH}/waiting/{lot_id}/conflicts/unit_price"

    stale = await owner.post(path, json={"answer": "ours", "theirs": "0.1400"})
    answer = await owner.post(path, json={"answer": "ours", "theirs": "0.1300"})

    assert (stale.status_code, stale.json()["reason"]) == (409, "CHANGED_SINCE")
    assert (answer.status_code, answer.json()) == (200, {"message": "ours"})
    assert (await lot(owner, lot_id))["revision"] == 1


async def test_theirs_becomes_the_lots_once_and_at_the_revision_that_was_seen(
    owner: httpx.AsyncClient, services: Services, lot_id: str
) -> None:
    services.sync_bricklink.waiting = [in_conflict(lot_id)]
    path, body = f"{PATH}/waiting/{lot_id}/conflicts/unit_price", {"answer": "theirs", "theirs": "0.1300"}
    key = {"Idempotency-Key": f"theirs-{lot_id}"}

    assert (await owner.post(path, json=body)).status_code == 428
    assert (await owner.post(path, json=body, headers={"If-Match": '"9"'})).status_code == 412
    services.sync_bricklink.waiting = [in_conflict(lot_id)]
    for _ in range(2):
        answer = await owner.post(path, json=body, headers={"If-Match": '"1"'} | key)
        assert (answer.status_code, answer.json()) == (200, {"message": "theirs"})
    shown = await lot(owner, lot_id)
    assert (shown["unit_price"], shown["revision"]) == ({"amount": "0.13", "currency": "EUR"}, 2)


async def test_a_third_value_becomes_the_lots_and_ours_said_as_a_value_is_ours(
    owner: httpx.AsyncClient, services: Services, lot_id: str
) -> None:
    services.sync_bricklink.waiting = [in_conflict(lot_id)]
    path = f"{PATH}/waiting/{lot_id}/conflicts/unit_price"
    price = {"unit_price": {"amount": "0.2", "currency": "EUR"}}

    bare = await owner.post(path, json={"answer": "value", "theirs": "0.1300"}, headers={"If-Match": '"1"'})
    third = {"answer": "value", "theirs": "0.1300", "lot": price}
    answer = await owner.post(path, json=third, headers={"If-Match": '"1"'})

    assert bare.json()["errors"][0]["field"] == "lot"
    assert answer.status_code == 200
    shown = await lot(owner, lot_id)
    assert (shown["unit_price"]["amount"], shown["revision"]) == ("0.20", 2)


async def test_lines_alarms_and_unowned_listings(owner: httpx.AsyncClient, services: Services, lot_id: str) -> None:
    line = waiting_pb2.UnassignedLine(order_id="42", listing_id="7", item=ITEM, pieces=2)
    line.ordered_at.FromDatetime(NOON)
    strange = listing("8")
    strange.item.condition = lot_pb2.CONDITION_UNSPECIFIED
    services.sync_bricklink.lines, services.sync_bricklink.unowned = [line], [listing("7"), strange]

    lines = (await owner.get(f"{PATH}/unassigned-lines")).json()["items"]
    assert [(one["order_id"], one["pieces"], one["item"]["item_no"]) for one in lines] == [("42", 2, "3001")]
    assigned = await owner.post(f"{PATH}/unassigned-lines/7", json={"lot_id": lot_id})
    assert assigned.json() == {"message": f"7 {lot_id}"}
    assert (await owner.post(f"{PATH}/unassigned-lines/7", json={"lot_id": None})).json() == {"message": "7 "}
    for body in ({}, {"lot_id": ""}):
        assert (await owner.post(f"{PATH}/unassigned-lines/7", json=body)).status_code == 400
    unowned = (await owner.get(f"{PATH}/unowned", params={"limit": 1})).json()
    assert (unowned["items"][0]["listing_id"], unowned["next_cursor"]) == ("7", "1")
    rest = (await owner.get(f"{PATH}/unowned", params={"cursor": "1"})).json()
    assert rest["items"][0]["item"]["condition"] is None
    alarm = {"alarm": "MANY_ARE_MISSING", "missing": 40, "answer": "look_again"}
    answer = await owner.post(f"{PATH}/alarm", json=alarm)
    assert answer.json() == {"message": "MANY_ARE_MISSING 40 ALARM_ANSWER_LOOK_AGAIN"}
    shop = await owner.post(f"{PATH}/shop", json={"shown_name": "new bricks", "answer": "same_shop"})
    assert shop.json() == {"message": "new bricks SHOP_ANSWER_SAME_SHOP"}
    refused = await owner.post(f"{PATH}/shop", json={"shown_name": "new bricks", "answer": "another"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "answer")


async def test_unmapped_items_are_listed_and_mapped_by_hand(owner: httpx.AsyncClient, services: Services) -> None:
    items = [
        sync_service_pb2.UnmappedItem(
            type=lot_pb2.ITEM_TYPE_PART, number="3003", lots=12, candidates=["3003", "939628"]
        ),
        sync_service_pb2.UnmappedItem(type=lot_pb2.ITEM_TYPE_PART, number="3001", color_id=165, lots=1),
    ]
    for item in items:
        item.since.FromDatetime(NOON)
    services.sync_bricklink.unmapped = items
    first = (await owner.get(f"{PATH}/unmapped-items", params={"limit": 1})).json()
    shown = {"item_type": "PART", "item_no": "3003", "color_id": None, "lots": 12, "since": "2026-11-01T12:00:00Z"}
    candidates = ["3003", "939628"]
    assert (first["items"], first["next_cursor"]) == ([{**shown, "candidates": candidates}], "1")
    body = {"item_type": "PART", "item_no": "3003", "number_there": "939628"}
    assert (await owner.post(f"{PATH}/unmapped-items", json=body)).json() == {"message": "3003 939628"}
    colored = await owner.post(f"{PATH}/unmapped-items", json=body | {"color_id": 165})
    assert colored.json() == {"message": "3003 165 939628"}
    refused = await owner.post(f"{PATH}/unmapped-items", json={**body, "item_no": ""})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "item_no")


async def test_what_lots_leave_unsaid_is_read_and_set(owner: httpx.AsyncClient) -> None:
    shown = {"field": "grade", "value": "usedg", "choices": ["usedg", "usedn"]}
    assert (await owner.get(f"{PATH}/defaults")).json()["items"] == [shown]
    set_to = (await owner.put(f"{PATH}/defaults/grade", json={"value": "usedn"})).json()
    assert set_to == {"default": {**shown, "value": "usedn"}, "message": "grade usedn"}
    assert (await owner.get(f"{PATH}/defaults")).json()["items"][0]["value"] == "usedn"


async def test_a_connection_is_paused_resumed_read_and_retried(
    owner: httpx.AsyncClient, services: Services, seller: str
) -> None:
    await owner.put(
        PATH,
        json={
            "keys": {"consumer_key": "CK", "consumer_secret": "CS", "token": "TV", "token_secret": "TS"},
            "shop_name": "demo_seller",
            "currency": "EUR",
        },
    )
    told = sync_service_pb2.Connection(marketplace="bricklink", key_version=1)
    told.state = sync_service_pb2.CONNECTION_STATE_READY
    told.tiers.add(tier="DECREASE", used=1, left=2)
    told.reasons.add(reason="LOOK_ALIKE", message="Is it?", lots=3)
    told.alarm.CopyFrom(sync_service_pb2.CensusAlarm(alarm="LIST_IS_EMPTY", missing=4, message="Closed?"))
    told.other_shop.CopyFrom(sync_service_pb2.OtherShop(pinned_name="bricks", shown_name="new bricks"))
    told.progress.CopyFrom(sync_service_pb2.MatchProgress(step="READING_THE_SHOP", lots=5))
    told.oldest_waiting_at.FromDatetime(NOON)
    services.sync_bricklink.connections[seller] = told

    paused = (await owner.post(f"{PATH}/pause")).json()
    assert paused["state"] == "paused"
    assert paused["sync"]["budget"]["tiers"] == [{"tier": "DECREASE", "used": 1, "left": 2}]
    assert paused["sync"]["reasons"] == [{"reason": "LOOK_ALIKE", "message": "Is it?", "lots": 3}]
    assert paused["sync"]["alarm"] == {"alarm": "LIST_IS_EMPTY", "missing": 4, "message": "Closed?", "read_at": None}
    assert paused["sync"]["other_shop"] == {"pinned_name": "bricks", "shown_name": "new bricks"}
    assert paused["sync"]["progress"] == {"step": "READING_THE_SHOP", "lots": 5}
    assert paused["sync"]["oldest_waiting_at"] == "2026-11-01T12:00:00Z"
    assert (await owner.post(f"{PATH}/resume")).json()["state"] == "ready"
    read = await owner.post(f"{PATH}/sync", json={"compare": True})
    assert read.json() == {"brought_forward": True, "message": "compare: True"}
    assert (await owner.post(f"{PATH}/retry", json={"reason": "X"})).json() == {"lots": 1, "message": "X"}
    for body in ({}, {"reason": "X", "lot_id": "Y"}):
        assert (await owner.post(f"{PATH}/retry", json=body)).json()["errors"][0]["field"] == "reason"


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        ("viewer", "/waiting", 200),
        ("viewer", "/unowned", 200),
        ("viewer", "/unassigned-lines", 200),
        ("viewer", "/unmapped-items", 200),
        ("viewer", "/sync", 403),
        ("viewer", "/retry", 403),
        ("viewer", "/waiting/a/trouble", 403),
        ("viewer", "/waiting/a/conflicts/b", 403),
        ("viewer", "/unassigned-lines/a", 403),
        ("editor", "/pause", 403),
        ("editor", "/resume", 403),
        ("editor", "/alarm", 403),
        ("editor", "/sync", 200),
    ],
)
async def test_who_may_do_what(as_role: Callable[..., httpx.AsyncClient], role: str, path: str, status: int) -> None:
    client = as_role(role)
    reads = path in ("/waiting", "/unowned", "/unassigned-lines", "/unmapped-items")
    answer = await (client.get(PATH + path) if reads else client.post(PATH + path, json={}))
    assert answer.status_code == status


async def test_returned_pieces_are_put_back_over_rest(
    owner: httpx.AsyncClient, services: Services, seller: str, lot_id: str
) -> None:
    order = change_pb2.OrderReference(marketplace="bricklink", order_id="42", listing_id="7")
    told = return_pb2.Return(return_id="return-1", lot_id=lot_id, order=order, pieces=2)
    told.opened_at.FromDatetime(NOON)
    services.inventory.returns = [(seller, told)]
    path, key = "/v1/returns/return-1/answer", {"Idempotency-Key": f"back-{lot_id}"}

    other = await owner.post(path, json={"answer": "put_back", "pieces": 3})
    assert (other.status_code, other.json()["reason"]) == (409, "CHANGED_SINCE")
    for _ in range(2):
        answer = await owner.post(path, json={"answer": "put_back", "pieces": 2}, headers=key)
        shown = answer.json()
        assert (answer.status_code, shown["answer"], shown["quantity"], shown["revision"]) == (200, "put_back", 42, 2)
    assert (await owner.post(path, json={"answer": "maybe", "pieces": 2})).status_code == 400
    assert (await owner.post("/v1/returns/none/answer", json={"answer": "put_back", "pieces": 2})).status_code == 404
