"""`bulk/batch`: several calls in one, each of which succeeds or fails by itself (marketplaces/brickowl.md#3.5)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sync_brickowl.errors import verdict_of
from sync_brickowl.values import shown_array
from syncengine.marketplace import BATCH_REFUSED, Gone, Halted, Refused, Unknown
from syncengine.service.reading import UnreadableError, shown_number, shown_object
from syncengine.service.verdicts import Answered, Purpose, Verdict

MOST_ENTRIES = 50


@dataclass(frozen=True, slots=True)
class Entry:
    """One call, without the key: made alone, or within a batch."""

    method: str
    endpoint: str
    params: Mapping[str, str]


def batch_of(entries: Sequence[Entry]) -> Entry:
    """Say several calls as one: the list must stand in an object, and each call's parameters in a list."""
    if len(entries) > MOST_ENTRIES:
        raise ValueError("a batch takes fifty calls")
    requests = [
        {"endpoint": entry.endpoint, "request_method": entry.method, "params": [dict(entry.params)]}
        for entry in entries
    ]
    return Entry("POST", "bulk/batch", {"requests": json.dumps({"requests": requests})})


def of_whole(verdict: Verdict) -> Verdict:
    """Say what the answer to a batch as such means: a refusal is no word on any of its calls, which were not made."""
    if isinstance(verdict, Refused | Gone) or verdict == Halted(reason="NO_PERMISSION"):
        return Refused(reason=BATCH_REFUSED)
    return verdict


def verdicts_of(raw: object, count: int, purpose: Purpose) -> list[Verdict]:
    """Read what each of so many calls was answered; of one that the answer leaves out, nobody knows (#3.5)."""
    verdicts: list[Verdict] = [Unknown(reason="NO_REPLY")] * count
    for position, entry in enumerate(shown_array(raw, "responses"), start=1):
        shown = shown_object(entry, "entry")
        number = shown_number(shown.get("req_num", position), "req_num")
        if not 1 <= number <= count:
            raise UnreadableError("req_num")
        verdicts[number - 1] = verdict_of(shown_number(shown.get("code"), "code"), shown.get("body"), purpose)
    return verdicts


def answers_of(raw: object, count: int) -> list[object | None]:
    """Read what each of so many reads brought; None for one that failed, or of which the answer says nothing."""
    verdicts = verdicts_of(raw, count, Purpose.READ)
    return [verdict.data if isinstance(verdict, Answered) else None for verdict in verdicts]
