"""Where a consumer is, in its own database; and how it notices that this database is not the one it was (rule T2)."""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from aiokafka import TopicPartition
from sqlalchemy.ext.asyncio import AsyncConnection

from servicekit.postgres import IDENTITY_SQL

ANOTHER_DATABASE = "this is another database than the one noted"
FAILED_OVER = "this database is on another timeline than the one noted"
"""All that is told where a standby took over that lacks nothing of what this group had taken in."""


class PositionLost(Exception):
    """The database is not what it was when the partitions were taken up: compare anew."""


@dataclass(frozen=True)
class Extent:
    """What Kafka knows of a partition: the group's committed offset, and the first and next offset of the topic."""

    committed: int | None
    earliest: int
    end: int


@dataclass(frozen=True)
class Stored:
    """What our database knows: the identity that it noted of itself, the one it has now, and the positions."""

    noted: str
    present: str
    positions: Mapping[TopicPartition, int]


def resume(stored: Stored, extents: Mapping[TopicPartition, Extent]) -> tuple[dict[TopicPartition, int], str]:
    """From where to read each partition on, and what was lost, in words; "" if nothing was (rule T2)."""
    found = {partition: _resume_one(stored.positions.get(partition), extent) for partition, extent in extents.items()}
    reasons = {reason for _, reason in found.values()} - {""}
    if stored.noted != stored.present:
        reasons.add(FAILED_OVER if _only_timelines_differ(stored) else ANOTHER_DATABASE)
    return {partition: position for partition, (position, _) in found.items()}, "; ".join(sorted(reasons))


def _only_timelines_differ(stored: Stored) -> bool:
    noted, present = stored.noted.split("/"), stored.present.split("/")
    return noted[::2] == present[::2]  # the system identifier and the database's oid


def _resume_one(position: int | None, extent: Extent) -> tuple[int, str]:
    if position is None:
        return extent.earliest, "" if extent.committed is None else "no position though the group has one"
    if not extent.earliest <= position <= extent.end:
        return extent.earliest, "the topic no longer holds the position"
    if extent.committed is not None and position < extent.committed:
        return position, "the position is behind the group's"  # effects are idempotent: ours is read from again
    return position, ""


_NOTE_FIRST = sa.text(f"""
    INSERT INTO database_noted (consumer_group, identity) VALUES (:group, {IDENTITY_SQL}) ON CONFLICT DO NOTHING
""")  # noqa: S608 - a constant
_LOCK_NOTED = sa.text(f"""
    SELECT identity AS noted, {IDENTITY_SQL} AS present FROM database_noted WHERE consumer_group = :group FOR UPDATE
""")  # noqa: S608 - a constant
_NOTE = sa.text(f"""
    UPDATE database_noted SET identity = {IDENTITY_SQL} WHERE consumer_group = :group
""")  # noqa: S608 - a constant
_LOCK_ONE = sa.text(f"""
    SELECT next_offset, (SELECT identity FROM database_noted WHERE consumer_group = :group) = {IDENTITY_SQL} AS same
    FROM consumer_positions WHERE consumer_group = :group AND topic = :topic AND partition = :partition FOR UPDATE
""")  # noqa: S608 - a constant
_READ_ALL = "SELECT topic, partition, next_offset FROM consumer_positions WHERE consumer_group = :group"
_LOCK_ALL = f"{_READ_ALL} ORDER BY topic, partition FOR UPDATE"
_VERIFY = sa.text(f"""
    SELECT topic, partition, next_offset, noted.identity = {IDENTITY_SQL} AS same
    FROM consumer_positions JOIN database_noted AS noted USING (consumer_group) WHERE consumer_group = :group
""")  # noqa: S608 - a constant
_PUT = sa.text("""
    INSERT INTO consumer_positions (consumer_group, topic, partition, next_offset, catch_up_to)
    VALUES (:group, :topic, :partition, :next_offset, :catch_up_to)
    ON CONFLICT (consumer_group, topic, partition) DO UPDATE
    SET next_offset = excluded.next_offset, catch_up_to = excluded.catch_up_to
""")
_MOVE = sa.text("""
    UPDATE consumer_positions SET next_offset = :next_offset
    WHERE consumer_group = :group AND topic = :topic AND partition = :partition
""")
_CAUGHT_UP = sa.text(f"""
    SELECT (SELECT identity FROM database_noted WHERE consumer_group = :group) = {IDENTITY_SQL}
        AND NOT EXISTS (
            SELECT FROM consumer_positions WHERE consumer_group = :group AND next_offset < catch_up_to
        )
""")  # noqa: S608 - a constant


class Positions:
    """The positions of one group, in the caller's transactions."""

    def __init__(self, group: str) -> None:
        self._group = group

    async def read_all(self, conn: AsyncConnection, *, lock: bool) -> Stored:
        """Read what is stored, letting one reader in at a time; `lock` also lets no batch move a position meanwhile.

        A database that has noted no identity yet notes its own.
        """
        await conn.execute(_NOTE_FIRST, {"group": self._group})
        noted, present = (await conn.execute(_LOCK_NOTED, {"group": self._group})).one()
        rows = (await conn.execute(sa.text(_LOCK_ALL if lock else _READ_ALL), {"group": self._group})).all()
        return Stored(noted, present, {TopicPartition(row.topic, row.partition): row.next_offset for row in rows})

    async def begin_at(
        self, conn: AsyncConnection, positions: Mapping[TopicPartition, int], extents: Mapping[TopicPartition, Extent]
    ) -> None:
        """Note the present identity and set positions, which have to catch up to the topics' present ends."""
        await conn.execute(_NOTE, {"group": self._group})
        for partition, position in positions.items():
            extent = {"next_offset": position, "catch_up_to": extents[partition].end}
            await conn.execute(_PUT, self._names(partition) | extent)

    async def lock(self, conn: AsyncConnection, partition: TopicPartition, *, at_least: int) -> int:
        """Lock and read one position. Raises PositionLost if the database changed or the position fell."""
        row = (await conn.execute(_LOCK_ONE, self._names(partition))).one_or_none()
        if row is None or not row.same or row.next_offset < at_least:
            raise PositionLost
        return int(row.next_offset)

    async def move(self, conn: AsyncConnection, partition: TopicPartition, next_offset: int) -> None:
        """Store where to go on."""
        await conn.execute(_MOVE, self._names(partition) | {"next_offset": next_offset})

    async def verify(self, conn: AsyncConnection, held: Mapping[TopicPartition, int]) -> None:
        """Raise PositionLost if the database changed or a position is below what is held to be true."""
        rows = (await conn.execute(_VERIFY, {"group": self._group})).all()
        stored = {TopicPartition(row.topic, row.partition): row.next_offset for row in rows if row.same}
        if any(stored.get(partition, -1) < position for partition, position in held.items()):
            raise PositionLost

    async def caught_up(self, conn: AsyncConnection) -> bool:
        """Whether this is the database noted, and every partition has reached what it had to catch up to."""
        return bool((await conn.execute(_CAUGHT_UP, {"group": self._group})).scalar_one())

    def _names(self, partition: TopicPartition) -> dict[str, object]:
        return {"group": self._group, "topic": partition.topic, "partition": partition.partition}
