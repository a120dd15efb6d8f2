"""How the shops of a life come to rest: time passes until nothing happens any more."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from syncengine.testing.simulation.side import QUIET, Side

_LONGEST_REST = timedelta(hours=1)
"""By then all is quiet, however scarce calls are."""
_ROUNDS = 40
"""In which all that is due at one moment is done."""
_SECOND = timedelta(seconds=1)


def come_to_rest(sides: Sequence[Side]) -> None:
    """Let time pass until nothing was sent for long, and nothing waits for anything but a person."""
    clock = sides[0].stage.clock
    began = clock.now()
    quiet_since, sent = began, 0
    while (now := clock.now()) < quiet_since + QUIET and now < began + _LONGEST_REST:
        rest_until(sides, now + QUIET / 8)
        if (by_now := _sent(sides)) > sent or any(side.waits_for_time() for side in sides):
            quiet_since, sent = clock.now(), by_now


def rest_until(sides: Sequence[Side], end: datetime) -> None:
    """Let the engines and the mail do what they have to until then, and nobody else anything."""
    clock = sides[0].stage.clock
    while clock.now() < end:
        for _ in range(_ROUNDS):
            for side in sides:
                side.workers.step_all()
                side.mail.deliver_all()
                side.watch()
            if not any(side.is_due() for side in sides):
                break
        for side in sides:
            side.judges.judge_pace()
        clock.turn(max(_SECOND, min(*(side.idle_until() for side in sides), end) - clock.now()))


def _sent(sides: Sequence[Side]) -> int:
    return sum(len(side.stage.books.sent) for side in sides)
