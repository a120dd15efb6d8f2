"""Takes in what sync services found out: how far lots are, baselines, wishes for state (rules C3, N5, T4, T5)."""

import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from google.protobuf.message import DecodeError
from sqlalchemy.ext.asyncio import AsyncConnection

from brickops.events.v1 import result_event_pb2
from brickops.inventory.v1 import lot_sync_pb2
from inventory.api.translate import word_of
from inventory.domain.lot import FieldGroup
from inventory.domain.sync_status import GroupReport, LotReport, SyncState
from inventory.events import LotTopics, state_answered
from inventory.ids import is_id
from inventory.recovery import note_loss
from inventory.storage.lots import NamedListings, add_listing_ids
from inventory.storage.republications import Wish, add_wish
from inventory.storage.shops import NumberedReport, fix_baseline, mark_stale, note_connections, save_reports
from servicekit import outbox
from servicekit.clock import Clock
from servicekit.consumer import Record, Undecodable

logger = logging.getLogger(__name__)

_LOT_SETTLED: Final = "lot_settled"
_BASELINE_TAKEN: Final = "baseline_taken"
_STATE_WISHED: Final = "state_wished"


class _Result(NamedTuple):
    """A result message."""

    event: result_event_pb2.ResultEvent
    kind: str
    correlation_id: str


class ResultsHandler:
    """Takes in `brickops.results.v1`."""

    def __init__(self, topics: LotTopics, clock: Clock) -> None:
        self._topics = topics
        self._clock = clock

    async def absorb(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        """Take in a batch of messages. Raises Undecodable."""
        now = self._clock.now()
        results = [_decoded(record) for record in records]
        await note_connections(conn, [(one.event.seller_id, one.event.marketplace) for one in results], now)
        await self._absorb_settled(conn, [one.event for one in results if one.kind == _LOT_SETTLED], now)
        for result in results:
            if result.kind == _BASELINE_TAKEN:
                await self._answer_baseline(conn, result)
            elif result.kind == _STATE_WISHED:
                await self._remember_wish(conn, result, now)

    async def undecodable(self, conn: AsyncConnection, record: Record) -> None:
        """What is known of the lot is no longer the newest; its status says so until a newer report comes."""
        marketplace, _, lot_id = (record.key or "").partition("/")
        if is_id(lot_id):
            await mark_stale(conn, lot_id, marketplace)
        logger.error("a result cannot be read", extra={"key": record.key})

    async def lost(self, conn: AsyncConnection, why: str) -> None:
        """Results are read again from the position that this database has; the newest seq wins all the same."""
        await note_loss(conn, why, self._clock.now())

    async def replayed(self, conn: AsyncConnection, key: str) -> None:
        """A skipped result was taken in after all; its report stands for itself."""

    async def _absorb_settled(
        self, conn: AsyncConnection, events: Sequence[result_event_pb2.ResultEvent], now: datetime
    ) -> None:
        newest = {(event.lot_settled.lot_id, event.marketplace): event for event in sorted(events, key=_seq)}
        if not newest:
            return
        await save_reports(conn, [_report(event, now) for event in newest.values()])
        named: dict[tuple[str, str], NamedListings] = {}
        for event in events:
            settled, key = event.lot_settled, (event.lot_settled.lot_id, event.marketplace)
            known = named.get(key, NamedListings((), ()))
            present = [settled.listing_id] if settled.listing_id else []
            named[key] = NamedListings(
                every=[*known.every, *settled.listing_ids, *present],
                created=[*known.created, *settled.created_listing_ids],
            )
        await add_listing_ids(conn, named)

    async def _answer_baseline(self, conn: AsyncConnection, result: _Result) -> None:
        event = result.event
        told = event.baseline_taken.baseline_at.ToDatetime(tzinfo=UTC)
        baseline_at = await fix_baseline(conn, event.seller_id, event.marketplace, told)
        if not self._is_ours(event.marketplace):
            return
        answer = state_answered(
            event.seller_id,
            request_id="",
            baseline_at=baseline_at,
            topic=self._topics.of(event.marketplace),
            correlation_id=result.correlation_id,
        )
        await outbox.record(conn, [answer])

    async def _remember_wish(self, conn: AsyncConnection, result: _Result, now: datetime) -> None:
        event = result.event
        if not self._is_ours(event.marketplace):
            return
        wish = Wish(
            seller_id=event.seller_id,
            marketplace=event.marketplace,
            request_id=event.state_wished.request_id,
            seq=event.seq,
            correlation_id=result.correlation_id,
        )
        await add_wish(conn, wish, now)

    def _is_ours(self, marketplace: str) -> bool:
        """Whether lots are published for it; a service that is not set up for it can answer nothing there."""
        if marketplace in self._topics.marketplaces:
            return True
        logger.warning("a marketplace is not in the settings; nothing is answered", extra={"marketplace": marketplace})
        return False


def _seq(event: result_event_pb2.ResultEvent) -> int:
    return event.seq


def _decoded(record: Record) -> _Result:
    """Raises Undecodable for what makes no result."""
    try:
        event = result_event_pb2.ResultEvent.FromString(record.value or b"")
    except DecodeError:
        raise Undecodable("is no ResultEvent") from None
    kind = event.WhichOneof("result")
    if kind is None or not event.seller_id or not event.marketplace:
        raise Undecodable("lacks its result, the seller or the marketplace")
    if kind == _LOT_SETTLED:
        _require_readable(event.lot_settled)
    if kind == _BASELINE_TAKEN and not event.baseline_taken.HasField("baseline_at"):
        raise Undecodable("is a baseline without time")
    if kind == _STATE_WISHED and not event.state_wished.request_id:
        raise Undecodable("is a wish without id")
    if "\0" in "".join(_texts(event)):
        raise Undecodable("holds a character that PostgreSQL does not")
    return _Result(event, kind, record.headers.get("correlation-id", ""))


def _texts(event: result_event_pb2.ResultEvent) -> Iterator[str]:
    """What a sync service put into words, or passed on from a shop."""
    yield from (event.seller_id, event.marketplace, event.state_wished.request_id)
    yield from (event.lot_settled.listing_id, *event.lot_settled.listing_ids)
    yield from event.lot_settled.created_listing_ids
    yield from (told.reason for told in event.lot_settled.groups)


def _require_readable(settled: result_event_pb2.LotSettled) -> None:
    if not is_id(settled.lot_id):
        raise Undecodable("does not name a lot")
    for told in settled.groups:
        if told.group not in lot_sync_pb2.FieldGroup.values() or told.state not in lot_sync_pb2.SyncState.values():
            raise Undecodable("has a group or a state that this version does not know")
        if not told.group or not told.state:
            raise Undecodable("does not say a group or its state")


def _report(event: result_event_pb2.ResultEvent, now: datetime) -> NumberedReport:
    settled = event.lot_settled
    groups = {}
    for told in settled.groups:
        group = word_of(FieldGroup, lot_sync_pb2.FieldGroup, told.group)
        state = word_of(SyncState, lot_sync_pb2.SyncState, told.state)
        if group is not None and state is not None:
            groups[group] = GroupReport(state=state, settled_revision=told.settled_revision, reason=told.reason)
    return NumberedReport(
        seller_id=event.seller_id,
        lot_id=settled.lot_id,
        marketplace=event.marketplace,
        seq=event.seq,
        report=LotReport(
            listing_id=settled.listing_id,
            desired_revision=settled.desired_revision,
            groups=groups,
            updated_at=now,
        ),
    )
