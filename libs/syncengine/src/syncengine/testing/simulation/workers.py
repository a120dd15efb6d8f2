"""The engine's processes: they take turns as the service's do, and are killed, put to sleep and cut off anywhere."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from syncengine.lane import Lane
from syncengine.rows.connection import ConnectionRow
from syncengine.store.protocol import FencedError, Transaction
from syncengine.testing.inventory import SELLER
from syncengine.testing.simulation.mail import Mail
from syncengine.testing.simulation.schedule import Task, pause
from syncengine.testing.simulation.shop import FaultyShop
from syncengine.testing.simulation.stage import Stage
from syncengine.turn import take_turn

_WORKERS = 2
_TURNS_AT_ONCE = 6
_STEPS = (1, 2, 4, 8, 24)
"""How far a worker gets before anything else happens: a call is about ten."""


class CutError(Exception):
    """The database's connection broke in a commit; nobody can say whether it was one."""


@dataclass(slots=True)
class _Lane(Lane):
    """A process may sleep, or die, just after each commit: before the call that it allowed, too (rules L1, L2)."""

    committed: Callable[[], None] = lambda: None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[tuple[Transaction, ConnectionRow]]:
        try:
            async with Lane.transaction(self) as opened:
                yield opened
        except CutError:
            self.committed()  # it may have been one: then its intent may be believed done, although nobody sends it
            raise
        self.committed()
        await pause()


@dataclass(slots=True)
class Workers:
    """All workers of the one connection."""

    stage: Stage
    mail: Mail
    tasks: list[Task] = field(init=False)
    busy: dict[int, bool] = field(default_factory=dict)
    """By place: whether its worker is in the middle of a turn."""
    sender: int = 0
    """The place of whoever made an intent last."""

    def __post_init__(self) -> None:
        self.tasks = [self._start(place) for place in range(_WORKERS)]

    def _start(self, place: int) -> Task:
        owner = f"worker-{place}-{self.stage.engines_random.getrandbits(32)}"
        return Task(owner, self._work(place, owner))

    async def _work(self, place: int, owner: str) -> None:
        stage, store, clock = self.stage, self.stage.store, self.stage.clock
        while True:
            self.busy[place] = False
            await pause()
            now = clock.now()
            if await store.next_due(owner, now) is None:
                continue
            lease = await store.take_lease(SELLER, owner, now, now + stage.settings.lease)
            if lease is None:
                continue
            self.busy[place] = True
            try:
                for _ in range(_TURNS_AT_ONCE):
                    await pause()
                    due_at, keys = stage.connection.due_at, stage.connection.key_version
                    if due_at is None or due_at > clock.now():
                        break
                    shop = FaultyShop(stage.network, stage.network.models[keys])
                    lane = _Lane(store, clock, shop, stage.settings, stage.engines_random, lease, keys)
                    lane.committed = partial(self._committed, place)
                    await take_turn(lane)
                    lease = lane.lease
            except FencedError:
                stage.struck["worker fenced"] += 1
                continue
            except CutError:
                stage.struck["commit cut"] += 1
                continue
            await store.release_lease(lease, clock.now())

    def _committed(self, place: int) -> None:
        if self.mail.judges.committed():
            self.sender = place

    def step(self, worker: Task) -> None:
        """Let one run to its next pause."""
        if worker.frozen_until is not None and worker.frozen_until > self.stage.clock.now():
            return
        worker.step()
        self.mail.publish()

    def step_all(self) -> None:
        """Let each run to its next pause."""
        for worker in self.tasks:
            self.step(worker)

    def are_under_way(self) -> bool:
        """Tell whether one is in the middle of a turn, or asleep in one."""
        return any(self.busy.values())

    def end(self) -> None:
        """All die where they stand."""
        for worker in self.tasks:
            worker.kill()

    def calm_down(self) -> None:
        """No accidents of processes any more."""
        self.stage.store.before_commit = self.stage.store.after_commit = lambda: None
        for worker in self.tasks:
            worker.frozen_until = None

    # Happenings

    def step_one(self) -> None:
        """One of them runs on for a while."""
        worker = self.stage.random.choice(self.tasks)
        for _ in range(self.stage.random.choice(_STEPS)):
            self.step(worker)

    def kill(self) -> None:
        """One dies where it stands; another takes its place."""
        place = self.stage.random.randrange(len(self.tasks))
        self.tasks[place].kill()
        self.tasks[place] = self._start(place)
        self.stage.struck["worker killed"] += 1

    def sleep(self) -> None:
        """One stands still, with its lease or without."""
        worker = self.stage.random.choice(self.tasks)
        self._freeze([worker], self.stage.settings.lease * self.stage.random.uniform(0.5, 3))
        self.stage.struck["worker slept beyond its lease"] += 1

    def freeze_who_sends(self, time: timedelta) -> None:
        """Whoever made an intent last stands still for so long."""
        self._freeze([self.tasks[self.sender]], time)

    def _freeze(self, workers: Sequence[Task], time: timedelta) -> None:
        now = self.stage.clock.now()
        for worker in workers:
            worker.frozen_until = now + time
        self.stage.nobody_until = min(each.frozen_until or now for each in self.tasks)
        self.stage.longest_sleep = max(self.stage.longest_sleep, time)

    def cut_commit(self) -> None:
        """Some commits later the connection to the database breaks, before the commit or before its answer."""
        count = self.stage.random.randint(0, 8)
        store = self.stage.store

        def cut() -> None:
            nonlocal count
            count -= 1
            if count < 0:
                store.before_commit = store.after_commit = lambda: None
                raise CutError

        if self.stage.random.random() < 0.5:
            store.before_commit = cut
        else:
            store.after_commit = cut
