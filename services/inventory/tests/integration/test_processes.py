"""Real processes of the service on a real Kafka: killed, doubled, told to end."""

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest

from brickops.inventory.v1 import bulk_edit_pb2, import_pb2, lot_filter_pb2, lot_pb2
from devstack.ports import free_port
from devstack.postgres import DatabaseUrls
from inventory.testing.calls import a_brick
from inventory.testing.processes import LotsTopic, Surroundings, lots_topic, publish, run_command, running
from inventory.testing.records import MESSAGE_TIME, baseline_taken, record, sale, settled, state_wished
from servicekit.testing.ca import TestAuthority

ITEM = (
    "<ITEM><ITEMTYPE>P</ITEMTYPE><ITEMID>{number}</ITEMID><COLOR>5</COLOR><QTY>4</QTY><PRICE>0.10</PRICE>"
    "<CONDITION>N</CONDITION></ITEM>"
)


def file(rows: int) -> bytes:
    return f"<INVENTORY>{''.join(ITEM.format(number=number) for number in range(rows))}</INVENTORY>".encode()


def address() -> str:
    return f"127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
async def surroundings(
    new_database: Callable[[str], DatabaseUrls],
    new_topic: Callable[..., str],
    kafka_bootstrap: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Surroundings:
    """A database that the service's own command has migrated, and topics of its own."""
    folder = Path(tmp_path_factory.mktemp("inventory"))
    urls = new_database("inventory")
    made = Surroundings(
        folder=folder,
        app_url=urls.app,
        owner_url=urls.owner,
        kafka_bootstrap=kafka_bootstrap,
        lots_topic=new_topic("lots"),
        sales_topic=new_topic("sales"),
        results_topic=new_topic("results"),
        authority=TestAuthority(folder / "ca"),
    )
    assert await run_command(made, "migrate") == 0
    assert await run_command(made, "migrate") == 0  # a second time changes nothing
    return made


@pytest.fixture
async def topic(surroundings: Surroundings) -> AsyncIterator[LotsTopic]:
    async with lots_topic(surroundings) as topic:
        yield topic


async def test_a_killed_import_is_finished_by_the_next_process(surroundings: Surroundings, topic: LotsTopic) -> None:
    """Killed with -9 in the middle, it leaves whole chunks behind; the next process makes exactly the rest."""
    seller = f"seller-{uuid.uuid4()}"
    async with running(surroundings, address()) as first:
        accepted = await first.calls(seller).import_file(file(600))
        while len(topic.lots) < 60:
            await topic.next()
        await first.kill()
    async with running(surroundings, address()) as second:
        while len(topic.lots) < 600:
            await topic.next()
        calls = second.calls(seller)
        done = await calls.get_import(accepted.import_id)
        lots = [one.lot for one in (await calls.list_lots(page_size=500)).lots]
        assert (done.state, done.created_rows) == (import_pb2.IMPORT_STATE_DONE, 600)
        assert len(lots) == 500
        assert await second.stop() == 0
    assert sorted(int(event.lot.item.number) for event in topic.lots.values()) == list(range(600))


async def test_a_preview_survives_kills_while_it_is_checked_confirmed_and_applied(
    surroundings: Surroundings, topic: LotsTopic
) -> None:
    """Killed with -9 each time; the next process goes on, and a confirmation of unknown outcome is repeated."""
    seller, rows = f"seller-{uuid.uuid4()}", 3000
    async with running(surroundings, address()) as first:
        calls = first.calls(seller)
        made = [(await calls.create(new_brick(number))).lot.lot_id for number in range(5)]
        accepted = await calls.import_file(file(rows), preview=True)
        assert accepted.state == import_pb2.IMPORT_STATE_CHECKING
        while (await calls.get_import(accepted.import_id)).checked_rows == accepted.checked_rows:
            pass
        await first.kill()
    async with running(surroundings, address()) as second:
        calls = second.calls(seller)
        while (told := await calls.get_import(accepted.import_id)).state != import_pb2.IMPORT_STATE_PREVIEW:
            assert told.state == import_pb2.IMPORT_STATE_CHECKING
        assert (told.checked_rows, told.duplicate_rows, told.refused_rows) == (rows, 5, 0)
        confirmation = {"duplicates": import_pb2.IMPORT_CHOICE_ADD, "request_id": "confirm"}
        async with held(surroundings, accepted.import_id) as conn:
            confirming = asyncio.create_task(calls.confirm_import(accepted.import_id, **confirmation))
            while await (await conn.execute(WAITING)).fetchone() == (0,):
                pass
            await second.kill()
            await asyncio.wait([confirming])
        assert confirming.exception() is not None
    async with running(surroundings, address()) as third:
        confirmed = await third.calls(seller).confirm_import(accepted.import_id, **confirmation)
        assert confirmed.state == import_pb2.IMPORT_STATE_RUNNING
        while len(topic.lots) < 60:
            await topic.next()
        await third.kill()
    async with running(surroundings, address()) as fourth:
        calls = fourth.calls(seller)
        while (done := await calls.get_import(accepted.import_id)).state != import_pb2.IMPORT_STATE_DONE:
            assert done.state == import_pb2.IMPORT_STATE_RUNNING
        assert (done.created_rows, done.updated_rows, done.refused_rows) == (rows - 5, 5, 0)
        assert [(await calls.get(lot_id)).lot.quantity for lot_id in made] == [44] * 5
        changes = [(await calls.list_changes(lot_id=lot_id)).changes for lot_id in made]
        assert [len(of_lot) for of_lot in changes] == [2] * 5
        assert await fourth.stop() == 0


WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"


@asynccontextmanager
async def held(surroundings: Surroundings, import_id: str) -> AsyncIterator[psycopg.AsyncConnection]:
    """Whoever wants to change this import waits."""
    async with await psycopg.AsyncConnection.connect(surroundings.owner_url) as conn:
        await conn.execute("SELECT 1 FROM imports WHERE import_id = %s FOR UPDATE", [import_id])
        yield conn
        await conn.rollback()


def new_brick(number: int) -> lot_pb2.Lot:
    """40 pieces of what is in this row of `file`."""
    item = lot_pb2.Item(type=lot_pb2.ITEM_TYPE_PART, number=str(number), color_id=5, condition=lot_pb2.CONDITION_NEW)
    return a_brick(item=item)


async def test_a_killed_bulk_edit_is_finished_by_the_next_process(surroundings: Surroundings, topic: LotsTopic) -> None:
    """Killed with -9 in the middle; the next process edits exactly the rest, so each price has doubled once."""
    seller = f"seller-{uuid.uuid4()}"
    doubled = bulk_edit_pb2.LotEdit(price=bulk_edit_pb2.PriceEdit(by_percent="100"))
    async with running(surroundings, address()) as first:
        await first.calls(seller).import_file(file(600))
        while sum(event.lot.seller_id == seller for event in topic.lots.values()) < 600:
            await topic.next()
        everything = bulk_edit_pb2.LotSelection(filter=lot_filter_pb2.LotFilter())
        accepted = await first.calls(seller).edit_lots(selection=everything, edit=doubled)
        while len(_edited(topic, seller)) < 60:
            await topic.next()
        await first.kill()
    async with running(surroundings, address()) as second:
        while len(_edited(topic, seller)) < 600:
            await topic.next()
        calls = second.calls(seller)
        done = await calls.get_bulk_edit(accepted.bulk_edit_id)
        assert (done.state, done.changed_lots) == (bulk_edit_pb2.BULK_EDIT_STATE_DONE, 600)
        changes = (await calls.list_changes(bulk_edit_id=accepted.bulk_edit_id, page_size=500)).changes
        assert len({change.lot_id for change in changes}) == 500
        assert await second.stop() == 0
    assert {one.unit_price.nanos for one in _edited(topic, seller)} == {200_000_000}


def _edited(topic: LotsTopic, seller: str) -> list[lot_pb2.Lot]:
    lots = [event.lot for event in topic.lots.values()]
    return [lot for lot in lots if lot.seller_id == seller and lot.revision > 1]


async def test_two_processes_count_each_sale_once(surroundings: Surroundings, topic: LotsTopic) -> None:
    seller = f"seller-{uuid.uuid4()}"
    async with running(surroundings, address()) as one, running(surroundings, address()) as other:
        made = [(await process.calls(seller).create()).lot.lot_id for process in (one, other) for _ in range(5)]
        sold = [
            sale(seller, lot_id, 2, seq=seq, order_id=f"order-{seq}", listing_id=lot_id, ours=True)
            for lot_id in made
            for seq in range(1, 6)
        ]
        await publish(surroundings, surroundings.sales_topic, sold + sold)
        while any(topic.lots.get(lot_id) is None or topic.lots[lot_id].counted_seq < 5 for lot_id in made):
            await topic.next()
        assert {topic.lots[lot_id].lot.quantity for lot_id in made} == {30}
        assert (await other.calls(seller).get(made[0])).lot.sold == 10
        assert (await one.stop(), await other.stop()) == (0, 0)


async def test_results_and_wishes_are_answered(surroundings: Surroundings, topic: LotsTopic) -> None:
    seller = f"seller-{uuid.uuid4()}"
    async with running(surroundings, address()) as service:
        calls = service.calls(seller)
        lot_id = (await calls.create()).lot.lot_id
        told = [
            baseline_taken(seller, MESSAGE_TIME, seq=1),
            settled(seller, lot_id, seq=1, revision=1),
            state_wished(seller, "wish-1", seq=2),
        ]
        await publish(surroundings, surroundings.results_topic, told)
        while [answer.request_id for answer in topic.answers if answer.seller_id == seller].count("wish-1") < 3:
            await topic.next()
        answers = [(one.request_id, one.HasField("baseline_at")) for one in topic.answers if one.seller_id == seller]
        assert sorted(answers) == [("", True)] * 3 + [("wish-1", True)] * 3  # to each of three partitions
        assert await run_command(surroundings, "republish", seller) == 0
        while len([one for one in topic.answers if one.seller_id == seller]) < 9:
            await topic.next()
        assert await run_command(surroundings, "republish", "nobody") == 1


async def test_a_sales_message_that_cannot_be_read_freezes_its_lot_and_holds_up_no_other(
    surroundings: Surroundings, topic: LotsTopic
) -> None:
    seller = f"seller-{uuid.uuid4()}"
    async with running(surroundings, address()) as service:
        calls = service.calls(seller)
        frozen, other = [(await calls.create()).lot.lot_id for _ in range(2)]
        told = [
            record(b"\xff\xff", key=frozen),
            sale(seller, frozen, 3, seq=2, listing_id="1", ours=True),
            sale(seller, other, 3, seq=2, listing_id="2", ours=True),
        ]
        await publish(surroundings, surroundings.sales_topic, told)
        while any(topic.lots.get(one) is None or topic.lots[one].lot.quantity == 40 for one in (frozen, other)):
            await topic.next()
        assert (topic.lots[frozen].lot.quantity, topic.lots[frozen].counted_seq) == (37, 0)
        assert (topic.lots[other].lot.quantity, topic.lots[other].counted_seq) == (37, 2)


async def test_wrong_settings_end_with_one_clear_line(
    surroundings: Surroundings, capfd: pytest.CaptureFixture[str]
) -> None:
    environment = {**surroundings.environment("127.0.0.1:1"), "INVENTORY_NO_SUCH_SETTING": "1"}
    environment.pop("INVENTORY_KAFKA_BOOTSTRAP")
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "inventory", "serve", env=environment)
    assert await process.wait() == 1
    assert sorted(capfd.readouterr().err.splitlines()) == [
        "INVENTORY_KAFKA_BOOTSTRAP is missing",
        "INVENTORY_NO_SUCH_SETTING is not a setting",
    ]
