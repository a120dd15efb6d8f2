"""Several calls in one: what each of them was answered, and what an answer to all of them means (section 3.5)."""

import json

import httpx
import pytest

from sync_brickowl.batch import Entry, batch_of, of_whole, verdicts_of
from sync_brickowl.errors import outcome_of
from syncengine.marketplace import BATCH_REFUSED, Gone, Halted, Later, Refused, Unknown
from syncengine.service.reading import UnreadableError
from syncengine.service.verdicts import Answered, Purpose, Verdict

DONE = {"status": "Success", "lot_id": "7"}


def entry(number: int, code: int, body: object) -> dict[str, object]:
    return {"req_num": number, "code": code, "body": body}


def test_the_list_stands_in_an_object_and_parameters_in_a_list() -> None:
    batch = batch_of([Entry("POST", "inventory/update", {"lot_id": "7"})])
    assert json.loads(batch.params["requests"]) == {
        "requests": [{"endpoint": "inventory/update", "request_method": "POST", "params": [{"lot_id": "7"}]}]
    }
    with pytest.raises(ValueError, match="fifty"):
        batch_of([Entry("GET", "order/view", {})] * 51)


def test_each_is_judged_by_itself_and_of_one_left_out_nobody_knows() -> None:
    raw = [
        entry(4, 429, {"error": {"status": "Too many requests"}}),
        entry(1, 200, DONE),
        entry(2, 400, {"error": {"status": "Invalid price"}}),
        entry(5, 500, None),
    ]
    verdicts = verdicts_of(raw, 5, Purpose.CREATE)
    assert verdicts[:3] == [Answered(data=DONE), Refused(reason="PRICE_REFUSED"), Unknown(reason="NO_REPLY")]
    assert isinstance(verdicts[3], Later)
    assert verdicts[4] == Unknown(reason="SERVER_ERROR")


def test_an_answer_to_what_was_not_asked_is_unreadable() -> None:
    with pytest.raises(UnreadableError):
        verdicts_of([entry(3, 200, DONE)], 2, Purpose.CREATE)


@pytest.mark.parametrize("purpose", [Purpose.READ, Purpose.CREATE, Purpose.CHANGE])
@pytest.mark.parametrize(
    ("code", "text", "meaning"),
    [
        (400, "Invalid requests", Refused(reason=BATCH_REFUSED)),
        (404, "Endpoint not found", Refused(reason=BATCH_REFUSED)),
        (403, "No permission", Refused(reason=BATCH_REFUSED)),
        (403, "Invalid key", Halted(reason="WRONG_KEY")),
    ],
)
def test_a_refused_batch_says_nothing_of_its_calls(purpose: Purpose, code: int, text: str, meaning: Verdict) -> None:
    response = httpx.Response(code, json={"error": {"status": text}})
    assert of_whole(outcome_of(response, purpose, several=True)) == meaning


def test_what_is_no_refusal_stays_what_it_is_to_each_purpose() -> None:
    lost = httpx.Response(503, json={"error": {"status": "Down"}})
    assert of_whole(outcome_of(lost, Purpose.CREATE, several=True)) == Unknown(reason="SERVER_ERROR")
    assert isinstance(of_whole(outcome_of(lost, Purpose.READ, several=True)), Later)
    assert isinstance(of_whole(outcome_of(httpx.Response(429), Purpose.CREATE, several=True)), Later)
    done = [entry(1, 200, DONE)]
    assert of_whole(outcome_of(httpx.Response(200, json=done), Purpose.CREATE, several=True)) == Answered(data=done)
    assert of_whole(Gone()) == Refused(reason=BATCH_REFUSED)
