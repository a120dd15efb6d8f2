"""What would be sent, asked before it is: a dry run that writes nothing and calls nobody."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from brickops.sync.v1 import plan_pb2
from brickops.sync.v1 import sync_service_pb2 as pb
from servicekit.grpc_errors import InvalidField
from servicekit.wire_values import value_to_proto
from syncengine.forecast import Finish, LotForecast, count_calls, count_charged, finish, forecast_lot
from syncengine.lane import may_write
from syncengine.listing import LotId, SellerId
from syncengine.marketplace import Create, Update
from syncengine.plan import Send, Tier
from syncengine.report import reason_words
from syncengine.rows.connection import ConnectionRow, Spent
from syncengine.rows.listing import ListingRow
from syncengine.service import words
from syncengine.service.asking import Context, Desk, after_of, cut, known, page_size, reader
from syncengine.service.status import status_of
from syncengine.store.protocol import Transaction

_MOST_LOTS: Final = 500
_EVER: Final = timedelta(days=36500)
_AT_MOST: Final = 1_000_000
_LOTS_AT_ONCE: Final = 200
"""Between so many lots others have their turn."""


class PlanCalls(Desk):
    """The call that asks what would be sent."""

    async def Plan(self, request: pb.PlanRequest, context: Context) -> pb.PlanResponse:  # noqa: N802 - gRPC's name
        """Says which calls lots still need, and when they would be done."""
        seller_id, size, now = reader(), page_size(request.page_size), self._clock.now()
        after = after_of(request.page_token)
        if len(request.lot_ids) > _MOST_LOTS:
            raise InvalidField("lot_ids", f"must be at most {_MOST_LOTS}")
        facts = self._facts
        async with self._store.transaction() as tx:
            connection = known(await tx.find_connection(seller_id))
            rows = await self._rows(tx, seller_id, request.lot_ids)
            charged = await tx.charged(seller_id, facts.limit.name, now - facts.limit.window)
        planned = []
        for number, row in enumerate(rows):
            planned.append(forecast_lot(row, connection, facts, now))
            if number % _LOTS_AT_ONCE == 0:
                await asyncio.sleep(0)
        planned = sorted((lot for lot in planned if lot.calls or lot.held), key=lambda lot: lot.lot_id)
        tiers = count_calls(planned, connection, facts, self._settings)
        # A seller who has yet to agree wants to know what they agree to: it is planned as if they did now (rule C2).
        agreed = replace(connection, confirmed_at=connection.confirmed_at or now)
        sends = may_write(agreed, self._settings)
        calls = count_charged(planned, tiers, facts) if sends else 0
        done = await asyncio.to_thread(finish, agreed, facts, self._settings, charged, calls=calls, now=now)
        shown, token = cut([lot for lot in planned if lot.lot_id > after], size, lambda lot: lot.lot_id)
        told = pb.PlanResponse(
            lots=[_lot_told(lot) for lot in shown],
            next_page_token=token,
            total_lots=len(planned),
            total_calls=tiers.total(),
            tiers=[plan_pb2.PlannedTier(tier=tier.name, calls=tiers[tier]) for tier in Tier if tiers[tier]],
            calls_left=done.calls_left,
        )
        if sends and tiers:
            _tell_finish(told, connection, tiers, done)
        elif sends:
            told.message = words.NOTHING_TO_SEND
        if not may_write(connection, self._settings):
            spent = sum((each for _, each in charged), Spent())
            status = status_of(connection, facts, self._settings, spent=spent, now=now)
            told.bound_by, told.message = status.reason, status.message
        return told

    async def _rows(self, tx: Transaction, seller_id: SellerId, lot_ids: Sequence[str]) -> Sequence[ListingRow]:
        if not lot_ids:
            ever = self._clock.now() + _EVER
            return await tx.next_listings(seller_id, tiers=list(Tier), now=ever, limit=_AT_MOST)
        found = await tx.find_listings({LotId(lot_id) for lot_id in lot_ids})
        return [row for row in found.values() if row.seller_id == seller_id]


def _tell_finish(told: pb.PlanResponse, connection: ConnectionRow, tiers: Counter[Tier], done: Finish) -> None:
    told.bound_by = done.bound_by
    if done.at is None:
        told.message = words.NOT_WITHIN_MONTHS
        return
    finish_at, held_until = done.at, connection.hold_increases_until
    told.message = words.BOUNDS.get(done.bound_by) or words.PAUSES.get(done.bound_by, words.SOMETHING_ELSE)
    if held_until is not None and held_until > finish_at and (tiers[Tier.CREATE] or tiers[Tier.INCREASE]):
        finish_at, told.bound_by, told.message = held_until, "LATE_ORDERS", words.LATE_ORDERS
    told.finish_at.FromDatetime(finish_at)


def _lot_told(lot: LotForecast) -> plan_pb2.PlannedLot:
    held = [
        plan_pb2.HeldReason(reason=reason, message=words.HELD.get(reason) or reason_words(reason))
        for reason in lot.held
    ]
    return plan_pb2.PlannedLot(lot_id=lot.lot_id, calls=[_call_told(send) for send in lot.calls], held=held)


def _call_told(send: Send) -> plan_pb2.PlannedCall:
    write = send.write
    told = plan_pb2.PlannedCall(tier=send.tier.name, kind=type(write).__name__.upper())
    if isinstance(write, Create | Update):
        told.pieces = write.quantity if isinstance(write, Create) else write.delta
        if write.for_sale is not None:
            told.for_sale = write.for_sale
        for name, value in write.fields.items():
            told.fields.fields[name].CopyFrom(value_to_proto(value))
    return told
