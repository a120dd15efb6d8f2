"""Faults: what goes wrong with which request, said precisely, so that a test can reach one exact point.

A fault matches requests by method, path and body; from the `nth` match on it hits `count` of them, or of `every` few,
before or after the request was applied to the stock. Requests that fail authentication or the quota are refused before
any fault.
"""

import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

ShopT = TypeVar("ShopT")

Effect = Literal[
    "withhold",
    "drop",
    "delay",
    "html_503",
    "html_200",
    "http_429",
    "error",
    "empty_list",
    "stale",
    "without_lots",
    "without_orders",
    "short_batch",
]
Released = Literal["released", "stopping"]


def _a_regular_expression(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from error
    return text


class Fault(BaseModel):
    """What to match, and what to do then."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    effect: Effect
    """`withhold` the reply until released, or the client leaves; `drop` the connection; `delay` the request;
    answer `html_503`, `html_200`, `http_429` or an `error` of the API; for reads: an `empty_list`, a `stale` answer
    (the shop as it was when the fault was made), a list `without_lots` or `without_orders` (those in `ids`); for
    batches: a `short_batch`, of which only the first `entries` are answered (before: and applied)."""
    when: Literal["before", "after"] = "before"
    """Whether the effect comes before the request is applied, or after."""
    method: str | None = None
    """The HTTP method, or several as `PUT|DELETE`; null: any."""
    path: Annotated[str, AfterValidator(_a_regular_expression)] | None = None
    """A regular expression for the whole path below the API's root, for example `/inventories/\\d+`; null: any."""
    body: dict[str, Any] = Field(default_factory=dict)
    """Fields that the body must have with exactly these values (`item.no` and `params.0.lot_id` reach inside); in an
    array, any element."""
    body_has: list[str] = Field(default_factory=list)
    """Fields that the body must have, whatever their value."""
    nth: int = Field(default=1, ge=1)
    """The first matching request to hit."""
    every: int = Field(default=1, ge=1)
    """Which of the matching requests from then on: each of them, or each tenth."""
    count: int | None = Field(default=1, ge=1)
    """How many to hit; null: all from then on."""
    seconds: float | None = Field(default=None, ge=0)
    """`delay`: how long. `withhold`: released by itself after so long; null: never."""
    lands_late: bool = False
    """`withhold` before: the request is applied on release although its client has left (a write that lands late)."""
    code: int | None = None
    """`error`: the API's code; null: the one for a refused key."""
    message: str | None = None
    """`error`: the API's constant words; null: those for a refused key."""
    description: str | None = None
    """`error`: the free text, where the API has one; `{key}` is the key, `{ip}` the caller's address."""
    retry_after: int | None = None
    """`http_429`: the seconds in Retry-After; null: no such header."""
    ids: list[int] = Field(default_factory=list)
    """`without_lots`, `without_orders`: what is missing."""
    entries: int = Field(default=0, ge=0)
    """`short_batch`: how many are answered."""


@dataclass
class Hit:
    """One request that a fault hit."""

    request: int
    """Its number in the request log."""
    held: bool = False
    """Whether its reply is being withheld now."""


@dataclass
class ActiveFault(Generic[ShopT]):
    """A fault that was set, and what it did so far."""

    fault_id: str
    fault: Fault
    past: ShopT = field(repr=False)
    """The shop as it was when the fault was made, for stale answers."""
    matched: int = 0
    hits: list[Hit] = field(default_factory=list)
    _held: dict[int, asyncio.Future[Released]] = field(default_factory=dict, repr=False)

    @property
    def is_spent(self) -> bool:
        """Whether it has hit as often as it should."""
        return self.fault.count is not None and len(self.hits) >= self.fault.count

    @property
    def is_its_turn(self) -> bool:
        """Whether the request that matched last is one that it hits."""
        later = self.matched - self.fault.nth
        return later >= 0 and later % self.fault.every == 0

    def release(self, how: Released = "released") -> int:
        """Let every withheld reply go; returns how many."""
        waiting = [future for future in self._held.values() if not future.done()]
        for future in waiting:
            future.set_result(how)
        return len(waiting)

    def hold(self, request: int) -> asyncio.Future[Released]:
        """Note that a reply is being withheld; the future ends on release."""
        self._hit(request).held = True
        self._held[request] = asyncio.get_running_loop().create_future()
        return self._held[request]

    def let_go(self, request: int) -> None:
        """Note that a reply is no longer withheld."""
        self._hit(request).held = False
        self._held.pop(request, None)

    def _hit(self, request: int) -> Hit:
        return next(hit for hit in self.hits if hit.request == request)


class Faults(Generic[ShopT]):
    """The faults of one shop, oldest first."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._active: dict[str, ActiveFault[ShopT]] = {}
        self._made = 0

    def __iter__(self) -> Iterator[ActiveFault[ShopT]]:
        return iter(self._active.values())

    def set(self, fault: Fault, past: ShopT) -> ActiveFault[ShopT]:
        """Switch a fault on."""
        self._made += 1
        active = ActiveFault(f"fault-{self._made}", fault, past)
        self._active[active.fault_id] = active
        return active

    def find(self, fault_id: str) -> ActiveFault[ShopT] | None:
        """Return the fault with this id, spent or not."""
        return self._active.get(fault_id)

    def remove(self, fault_id: str) -> None:
        """Switch a fault off and release what it withholds."""
        self._active.pop(fault_id).release()

    def clear(self) -> None:
        """Switch all faults off and release what they withhold."""
        for fault_id in list(self._active):
            self.remove(fault_id)

    def hit(self, request: int, method: str, path: str, body: object) -> ActiveFault[ShopT] | None:
        """Count the request on every fault it matches; the first whose turn it is hits it and is returned."""
        hitting = None
        for active in self._active.values():
            if not _matches(active.fault, method, path, body):
                continue
            active.matched += 1
            if hitting is None and active.is_its_turn and not active.is_spent:
                hitting = active
        if hitting is not None:
            hitting.hits.append(Hit(request))
            self._changed()
        return hitting

    def stop(self) -> None:
        """End every withheld reply because the server stops; nothing more is applied."""
        for active in self._active.values():
            active.release("stopping")


def _matches(fault: Fault, method: str, path: str, body: object) -> bool:
    if fault.method is not None and method not in fault.method.upper().split("|"):
        return False
    if fault.path is not None and not re.fullmatch(fault.path, path):
        return False
    if not fault.body and not fault.body_has:
        return True
    elements = body if isinstance(body, list) else [body]
    return any(
        all(_field(element, name) == value for name, value in fault.body.items())
        and all(_field(element, name) is not None for name in fault.body_has)
        for element in elements
    )


def _field(element: object, name: str) -> object:
    """Return `item.no` or `params.0` out of an object, None where it is not there."""
    for part in name.split("."):
        if isinstance(element, list) and part.isdecimal() and int(part) < len(element):
            element = element[int(part)]
        elif isinstance(element, dict):
            element = element.get(part)
        else:
            return None
    return element
