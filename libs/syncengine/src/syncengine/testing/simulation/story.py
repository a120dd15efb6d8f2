"""What happens how often, and which of it a life may do without."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import accumulate
from random import Random

from syncengine.testing.simulation.buyers import Buyers
from syncengine.testing.simulation.character import Character
from syncengine.testing.simulation.coincidences import Coincidences
from syncengine.testing.simulation.databases import Databases
from syncengine.testing.simulation.faults import Faults
from syncengine.testing.simulation.keys import Keys
from syncengine.testing.simulation.mail import Mail
from syncengine.testing.simulation.users import Users
from syncengine.testing.simulation.website import Website
from syncengine.testing.simulation.workers import Workers

Happening = Callable[[], None]
Happenings = dict[str, tuple[float, Happening]]
"""By name: how often, and what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """All who act."""

    users: Users
    buyers: Buyers
    website: Website
    workers: Workers
    databases: Databases
    keys: Keys
    mail: Mail
    faults: Faults
    coincidences: Coincidences


def _always(cast: Cast, accidents: float) -> Happenings:
    return {
        "work": (150, cast.workers.step_one),
        "mail": (20, cast.mail.deliver),
        "time": (17, cast.faults.pass_time),
        "create": (6, cast.users.create),
        "enter": (1, cast.users.enter),
        "edit": (24, cast.users.edit),
        "buy": (7, cast.buyers.buy),
        "call": (accidents, cast.faults.strike_call),
    }


def _sometimes(cast: Cast) -> Happenings:
    return {
        "more": (2, cast.buyers.merge if cast.buyers.stage.shop.merges_orders else cast.buyers.buy_more),
        "file": (1, cast.buyers.file),
        "return": (1.5, cast.buyers.cancel_or_reduce),
        "price": (0.5, cast.website.change_price),
        "kill": (1, cast.workers.kill),
        "sleep": (1, cast.workers.sleep),
        "cut": (1, cast.workers.cut_commit),
        "again": (1, cast.mail.redeliver_results),
        "old": (1, cast.mail.redeliver_lots),
        "hide": (1, cast.users.hide_or_show),
        "archive": (1, cast.users.archive_or_restore),
        "clearance": (0.2, cast.users.clear_out),
        "misprice": (0.7, cast.users.misprice),
        "item": (0.5, cast.users.change_item),
        "retain": (0.7, cast.users.retain_or_not),
        "burst": (0.3, cast.users.edit_in_a_burst),
        "list": (1.2, cast.faults.strike_list),
        "close": (0.15, cast.website.close),
        "tool": (0.5, cast.website.let_another_tool_call),
        "quantity": (0.15, cast.website.change_quantity),
        "removal": (0.25, cast.website.remove),
        "look-alike": (0.1, cast.website.put_up_look_alike),
        "refused keys": (0.1, cast.keys.refuse),
        "other keys": (0.1, cast.keys.swap),
        "new keys": (0.1, cast.keys.replace),
        "late loss": (0.3, cast.coincidences.lose_what_is_late),
        "late decrease": (0.4, cast.coincidences.take_most_late),
        "late worker": (0.4, cast.coincidences.sleep_before_a_call),
        "sold decrease": (0.4, cast.coincidences.take_what_just_sold),
        "sold loss": (0.25, cast.coincidences.lose_after_a_sale),
        "sold item": (0.4, cast.coincidences.correct_what_just_sold),
        "sold write": (1.5, cast.coincidences.buy_what_is_unanswered),
        "loss": (0.12, cast.databases.lose_one),
    }


OF_USERS = frozenset({"time", "create", "edit", "hide", "archive", "clearance", "misprice", "item", "retain", "burst"})
"""What happens to the stock, or to time: once, however many shops it is sold in."""

MAY_BE_LEFT_OUT = (
    *("return", "price", "misprice", "item", "clearance"),
    *("more", "file", "kill", "sleep", "cut", "again", "old", "hide", "archive", "retain", "burst", "list", "close"),
    *("tool", "quantity", "removal", "look-alike", "refused keys", "other keys", "new keys", "late loss", "loss"),
    *("sold loss", "sold item", "sold write", "late decrease", "sold decrease", "late worker"),
)


def happenings(cast: Cast, character: Character) -> Happenings:
    """What happens in a life with this shop."""
    some = {name: each for name, each in _sometimes(cast).items() if name not in character.left_out}
    return _always(cast, character.accidents) | some


class Story:
    """Says what happens next."""

    def __init__(self, told: Iterable[tuple[float, Happening]], random: Random) -> None:
        told = list(told)
        self._random = random
        self._happenings = [happening for _, happening in told]
        self._cum_weights = list(accumulate(weight for weight, _ in told))

    def go_on(self) -> None:
        """Let the next thing happen."""
        self._random.choices(self._happenings, cum_weights=self._cum_weights)[0]()
