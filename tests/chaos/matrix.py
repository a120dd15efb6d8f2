"""What faults hit in a day over both shops, operation by operation, and how soon each was made good. Pure."""

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from math import inf
from statistics import median

from product.lots import Json

LOST, REFUSED, SLOW = "drop", "html_503", "delay"
_WORDS: Mapping[str, str] = {
    "GET orders": "list of orders",
    "GET order/list": "list of orders",
    "GET order/view": "an order",
    "GET orders/items": "an order's lines",
    "GET order/items": "an order's lines",
    "GET inventories": "whole list",
    "GET inventory/list": "whole list",
    "GET catalog/id_lookup": "catalogue",
    "POST inventories": "create",
    "POST inventory/create": "create",
    "PUT inventories": "update",
    "POST inventory/update": "update",
    "DELETE inventories": "removal",
    "POST inventory/delete": "removal",
}
_LISTING, _LIST = "a listing", "whole list"
_WRITES = frozenset({"create", "update", "removal"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One fault at one operation of one shop."""

    tried: int
    """Calls that it hit."""
    seconds: Sequence[float]
    """From each of them until it was made good: a write was found done or not, a read was answered; infinite where
    it never was. Empty if slow."""
    again: int = 0
    """Of writes that were done and whose reply was lost: how many were done once more before they were made good."""

    def __str__(self) -> str:
        if not self.seconds:
            return f"{self.tried} | {self.again} | answered late"
        return f"{self.tried} | {self.again} | {_words(median(self.seconds))}, {_words(max(self.seconds))}"


def _words(seconds: float) -> str:
    return "never" if seconds == inf else f"{seconds:.1f} s"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    operation: str
    target: str
    """The listing that it names, if it is of one."""
    at: float
    fault: str
    said: Hashable
    """All of it; equal for a call that is made again."""
    is_done: bool

    @property
    def is_answered(self) -> bool:
        return self.fault not in (LOST, REFUSED)

    @property
    def is_write(self) -> bool:
        return self.operation.removesuffix(", several") in _WRITES

    def makes_good(self, before: "_Call") -> bool:
        """Tell whether this answer, or attempt, ended what that call left open."""
        if not before.is_write:
            return self.is_answered and self.operation == before.operation
        shows = self.operation == _LIST or (self.operation == _LISTING and self.target == before.target)
        return self.is_answered and shows

    def is_done_again(self, later: Sequence["_Call"]) -> bool:
        """Tell whether one like it is done before anything makes this one good."""
        unseen = takewhile(lambda each: not each.makes_good(self), later)
        return any(each.is_done and each.said == self.said for each in unseen)


def matrix(requests: Sequence[Json], faults: Mapping[str, str]) -> Mapping[tuple[str, str], Cell]:
    """Sum up the requests of one shop by fault and operation. `faults`: what each does, by its id."""
    calls = [_call_of(request, faults.get(request["fault"] or "", "")) for request in requests]
    tried: Counter[tuple[str, str]] = Counter()
    again: Counter[tuple[str, str]] = Counter()
    seconds: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for place, call in enumerate(calls):
        key, later = (call.fault, call.operation), calls[place + 1 :]
        if call.fault:
            tried[key] += 1
            again[key] += call.fault == LOST and call.is_write and call.is_done_again(later)
        if call.fault and not call.is_answered:
            seconds[key] += [next((each.at - call.at for each in later if each.makes_good(call)), inf)]
    return {key: Cell(tried=count, seconds=seconds[key], again=again[key]) for key, count in sorted(tried.items())}


def _call_of(request: Json, fault: str) -> _Call:
    method, path, body = request["method"], request["path"].strip("/"), request["body"]
    several = ""
    if path == "bulk/batch":
        method, path, several = body[0]["request_method"], body[0]["endpoint"].strip("/"), ", several"
    elif isinstance(body, list):
        several = ", several"
    found = re.search(r"inventories/(\d+)|lot_id['\"]?[=:] ?['\"]?(\d+)", f"{path} {request['query']} {body}")
    target = next(filter(None, found.groups()), "") if found and not several else ""
    word = _WORDS.get(f"{method} {re.sub(r'/?[0-9]+', '', path)}", f"{method} {path}")
    word = _LISTING if word == _LIST and target else word
    return _Call(
        operation=f"{word}{several}",
        target=target,
        at=datetime.fromisoformat(request["time"]).timestamp(),
        fault=fault,
        said=(request["method"], request["path"], str(body)),
        is_done=bool(request["applied"]),
    )


def rows(shop: str, requests: Sequence[Json], faults: Mapping[str, str]) -> Iterator[str]:
    """Say it as lines of a table."""
    words = {LOST: "done, the reply lost", REFUSED: "503", SLOW: "slow"}
    for (fault, operation), cell in matrix(requests, faults).items():
        yield f"| {shop} | {words[fault]} | {operation} | {cell} |"
