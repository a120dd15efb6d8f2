"""Real processes over a database that is restored, fails over, or loses its process in the middle (rules T2, T6)."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from devstack.ports import free_port
from devstack.postgres import DatabaseUrls
from inventory.storage.recoveries import EPOCH
from inventory.testing.calls import Calls, a_brick, euros
from inventory.testing.processes import LotsTopic, Surroundings, lots_topic, publish, run_command, running
from inventory.testing.records import sale
from servicekit.postgres import IDENTITY_SQL
from servicekit.testing.ca import TestAuthority

LIMIT_SECONDS = 60
WAITS = "NOTHING IS PUBLISHED"


def address() -> str:
    return f"127.0.0.1:{free_port()}"


def name_of(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


@pytest.fixture
async def surroundings(
    new_database: Callable[[str], DatabaseUrls],
    new_topic: Callable[..., str],
    kafka_bootstrap: str,
    tmp_path: Path,
) -> Surroundings:
    urls = new_database("inventory")
    made = Surroundings(
        folder=tmp_path,
        app_url=urls.app,
        owner_url=urls.owner,
        kafka_bootstrap=kafka_bootstrap,
        lots_topic=new_topic("lots"),
        sales_topic=new_topic("sales"),
        results_topic=new_topic("results"),
        authority=TestAuthority(tmp_path / "ca"),
    )
    assert await run_command(made, "migrate") == 0
    return made


@contextmanager
def owning(surroundings: Surroundings) -> "Iterator[psycopg.Connection[Any]]":
    with psycopg.connect(surroundings.owner_url, autocommit=True) as connection:
        yield connection


class Backup:
    """A copy of a database, to which nobody is connected, from which it is made anew."""

    def __init__(self, server_url: str, surroundings: Surroundings) -> None:
        self._server_url = server_url
        self._name = name_of(surroundings.app_url)
        self._copy = f"{self._name}_backup"
        self._make(self._copy, self._name)

    def restore(self) -> None:
        """As it was, but for being another database to PostgreSQL."""
        self._make(self._name, self._copy)

    def remove(self) -> None:
        with psycopg.connect(self._server_url, autocommit=True) as server:
            server.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(self._copy)))

    def _make(self, name: str, source: str) -> None:
        with psycopg.connect(self._server_url, autocommit=True) as server:
            for statement in (
                "DROP DATABASE IF EXISTS {0} WITH (FORCE)",
                "CREATE DATABASE {0} OWNER inventory_owner TEMPLATE {1}",
                "GRANT CONNECT ON DATABASE {0} TO inventory",
            ):
                names = (sql.Identifier(name), sql.Identifier(source))
                server.execute(sql.SQL(statement).format(*names))


async def quantity_becomes(calls: Calls, lot_id: str, quantity: int) -> None:
    """Wait until sales that are read again have brought a lot there; nothing says so while nothing is published."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while (await calls.get(lot_id)).lot.quantity != quantity:  # noqa: ASYNC110 - it is another process's doing
            await asyncio.sleep(0.05)


async def told(topic: LotsTopic, lot_id: str, *, revision: int, counted_seq: int = 0) -> None:
    while lot_id not in topic.lots or order(topic, lot_id) < (revision, counted_seq):
        await topic.next()


def order(topic: LotsTopic, lot_id: str) -> tuple[int, int]:
    return topic.lots[lot_id].lot.revision, topic.lots[lot_id].counted_seq


class Log:
    """What the processes of a test wrote so far."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd = capfd
        self._text = ""

    async def says(self, words: str) -> str:
        """Wait for a line with these words."""
        async with asyncio.timeout(LIMIT_SECONDS):
            while True:
                captured = self._capfd.readouterr()
                self._text += captured.out + captured.err
                for line in self._text.splitlines():
                    if words in line:
                        return line
                await asyncio.sleep(0.05)


@pytest.mark.parametrize("is_in_place", [False, True], ids=["made anew", "in place"])
async def test_a_restored_database_publishes_nothing_until_recovered_and_counts_each_sale_once(
    surroundings: Surroundings, postgres_url: str, capfd: pytest.CaptureFixture[str], *, is_in_place: bool
) -> None:
    """Made anew it is another database to PostgreSQL. Restored in place, only the consumer groups give it away."""
    seller = "seller-a"
    async with running(surroundings, address()) as service, lots_topic(surroundings) as topic:
        calls = service.calls(seller)
        sold, edited = [(await calls.create()).lot.lot_id for _ in range(2)]
        before = sale(seller, sold, 3, seq=1, order_id="before", ours=True)
        await publish(surroundings, surroundings.sales_topic, [before])
        await told(topic, sold, revision=2, counted_seq=1)
        await told(topic, edited, revision=1)
        assert await service.stop() == 0
        backup = Backup(postgres_url, surroundings)

    async with running(surroundings, address()) as service, lots_topic(surroundings) as topic:
        calls = service.calls(seller)
        after = sale(seller, sold, 5, seq=2, order_id="after", ours=True)
        await publish(surroundings, surroundings.sales_topic, [after])
        for remarks in ("B1", "B2", "B3"):
            await calls.update(edited, "remarks", lot=a_brick(remarks=remarks))
        lost = (await calls.create()).lot.lot_id
        await told(topic, sold, revision=3, counted_seq=2)
        await told(topic, edited, revision=4)
        await told(topic, lost, revision=1)
        assert await service.stop() == 0

        backup.restore()
        backup.remove()
        if is_in_place:
            with owning(surroundings) as owner:
                owner.execute(f"UPDATE database_noted SET identity = {IDENTITY_SQL}")

        async with running(surroundings, address()) as service:
            waits = await Log(capfd).says(WAITS)
            assert "python -m inventory recover" in waits
            assert ("behind the group's" in waits, "another database" in waits) == (True, not is_in_place)
            calls = service.calls(seller)
            await quantity_becomes(calls, sold, 32)
            priced = await calls.update(edited, "unit_price", lot=a_brick(unit_price=euros(1)))
            assert priced.lot.revision == 2
            with owning(surroundings) as owner:
                assert owner.execute("SELECT count(*) FROM outbox").fetchall() != [(0,)]

            assert await run_command(surroundings, "recover") == 0
            published = []
            while min(order(topic, sold), order(topic, edited)) < (EPOCH, 0):
                event = await topic.next()
                published.append(event.lot_changed.lot.revision or EPOCH)
            assert min(published) >= EPOCH  # nothing of what waited, and nothing before, has gone out
            assert order(topic, sold) == (EPOCH + 3, 2)
            assert (topic.lots[sold].lot.quantity, topic.lots[sold].lot.sold) == (32, 8)
            restored = topic.lots[edited].lot
            assert (restored.revision, restored.remarks, restored.unit_price.units) == (EPOCH + 2, "", 1)

            assert (await calls.adjust(edited, 1)).lot.revision == EPOCH + 3
            await told(topic, edited, revision=EPOCH + 3)
            assert await service.stop() == 0

        async with running(surroundings, address()) as service:
            assert (await service.calls(seller).adjust(edited, 1)).lot.revision == EPOCH + 4
            await told(topic, edited, revision=EPOCH + 4)


async def test_after_a_failover_the_service_recovers_by_itself(surroundings: Surroundings) -> None:
    seller = "seller-a"
    async with lots_topic(surroundings) as topic:
        async with running(surroundings, address()) as service:
            lot_id = (await service.calls(seller).create()).lot.lot_id
            await told(topic, lot_id, revision=1)
            assert await service.stop() == 0
        with owning(surroundings) as owner:  # as if what was noted had been the old primary's timeline
            noted = "regexp_replace(identity, '/[0-9]+/', '/4711/')"
            owner.execute(f"UPDATE database_noted SET identity = {noted}")
        async with running(surroundings, address()) as service:
            await told(topic, lot_id, revision=EPOCH)
            assert order(topic, lot_id) == (EPOCH + 1, 0)
            assert (await service.calls(seller).adjust(lot_id, 1)).lot.revision == EPOCH + 2
            await told(topic, lot_id, revision=EPOCH + 2)


async def test_a_database_recovered_before_its_service_started_again_is_not_recovered_twice(
    surroundings: Surroundings, postgres_url: str
) -> None:
    seller = "seller-a"
    async with lots_topic(surroundings) as topic:
        async with running(surroundings, address()) as service:
            lot_id = (await service.calls(seller).create()).lot.lot_id
            await told(topic, lot_id, revision=1)
            assert await service.stop() == 0
        backup = Backup(postgres_url, surroundings)
        backup.restore()
        backup.remove()
        assert await run_command(surroundings, "recover") == 0
        async with running(surroundings, address()) as service:
            await told(topic, lot_id, revision=EPOCH)
            assert (await service.calls(seller).adjust(lot_id, 1)).lot.revision == EPOCH + 2
            await told(topic, lot_id, revision=EPOCH + 2)


MANY = 1_200
"""Lots of three chunks."""
CLONE = """
INSERT INTO lots
SELECT cloned.* FROM lots, generate_series(1, %s) AS number,
    jsonb_populate_record(lots, jsonb_build_object('lot_id', gen_random_uuid(), 'revision', number)) AS cloned
WHERE lots.lot_id = %s
"""


async def test_a_recovery_that_was_killed_is_run_again_and_raises_nothing_twice(surroundings: Surroundings) -> None:
    """Killed with -9 in its second chunk, which waits for a lot that we hold."""
    async with running(surroundings, address()) as service:
        lot_id = (await service.calls("seller-a").create()).lot.lot_id
        assert await service.stop() == 0
    with owning(surroundings) as owner, owning(surroundings) as other:
        owner.execute(CLONE, (MANY - 1, lot_id))
        owner.execute("CREATE TABLE before AS SELECT lot_id, revision FROM lots")
        with other.transaction():
            held = "SELECT lot_id FROM lots ORDER BY lot_id OFFSET 700 LIMIT 1"
            other.execute(f"SELECT FROM lots WHERE lot_id = ({held}) FOR UPDATE")
            environment = surroundings.environment("127.0.0.1:1")
            command = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "inventory", "recover", env=environment
            )
            async with asyncio.timeout(LIMIT_SECONDS):
                blocked = "SELECT FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))"
                while not owner.execute(blocked, (other.info.backend_pid,)).fetchall():  # noqa: ASYNC110 - as above
                    await asyncio.sleep(0.05)
            command.kill()
            await command.wait()
        raised = owner.execute("SELECT count(*) FROM lots WHERE revision > %s", (EPOCH,)).fetchall()
        assert raised == [(500,)]

        assert await run_command(surroundings, "recover") == 0
        wrong = "SELECT count(*) FROM lots JOIN before USING (lot_id) WHERE lots.revision <> before.revision + %s"
        assert owner.execute(wrong, (EPOCH,)).fetchall() == [(0,)]
        groups = "SELECT count(*) FROM lots WHERE (group_revisions->>'PRICE')::bigint <> 1 + %s"
        assert owner.execute(groups, (EPOCH,)).fetchall() == [(0,)]
        assert owner.execute("SELECT lots, finished_at IS NOT NULL FROM recoveries").fetchall() == [(MANY, True)]


async def test_help_says_when_to_recover(surroundings: Surroundings, capfd: pytest.CaptureFixture[str]) -> None:
    assert await run_command(surroundings, "recover", "--help") == 0
    assert "after this service's database was restored" in capfd.readouterr().out
