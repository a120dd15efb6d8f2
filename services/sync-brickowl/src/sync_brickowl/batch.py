"""`bulk/batch`: several calls in one, each of which succeeds or fails by itself (marketplaces/brickowl.md#3.5)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sync_brickowl.errors import verdict_of
from sync_brickowl.values import shown_array
from syncengine.service.reading import UnreadableError, shown_number, shown_object
from syncengine.service.verdicts import Answered, Purpose

MOST_ENTRIES = 50


@dataclass(frozen=True, slots=True)
class Entry:
    """One reading call of a batch; the key is the batch's."""

    endpoint: str
    params: Mapping[str, str]


def batch_params(entries: Sequence[Entry]) -> dict[str, str]:
    """Write the parameters of a batch: the list must stand in an object, and each call's parameters in a list."""
    if len(entries) > MOST_ENTRIES:
        raise ValueError("a batch takes fifty calls")
    requests = [
        {"endpoint": entry.endpoint, "request_method": "GET", "params": [dict(entry.params)]} for entry in entries
    ]
    return {"requests": json.dumps({"requests": requests})}


def answers_of(raw: object, count: int) -> list[object | None]:
    """Read what each of so many calls was answered; None for one that failed, or of which the answer says nothing."""
    answers: list[object | None] = [None] * count
    for position, entry in enumerate(shown_array(raw, "responses"), start=1):
        shown = shown_object(entry, "entry")
        number = shown_number(shown.get("req_num", position), "req_num")
        if not 1 <= number <= count:
            raise UnreadableError("req_num")
        verdict = verdict_of(shown_number(shown.get("code"), "code"), shown.get("body"), Purpose.READ)
        answers[number - 1] = verdict.data if isinstance(verdict, Answered) else None
    return answers
