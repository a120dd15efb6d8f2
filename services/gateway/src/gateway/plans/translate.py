"""Plans, from the wire to REST."""

from brickops.sync.v1 import plan_pb2
from brickops.sync.v1.sync_service_pb2 import PlanResponse
from gateway.plans.models import Held, Plan, PlannedCall, PlannedLot
from gateway.times import time_in
from servicekit.wire_values import value_of_proto


def plan_of(answer: PlanResponse) -> Plan:
    """A plan."""
    return Plan(
        items=[_lot_of(lot) for lot in answer.lots],
        next_cursor=answer.next_page_token or None,
        total_lots=answer.total_lots,
        total_calls=answer.total_calls,
        calls_by_tier={tier.tier.lower(): tier.calls for tier in answer.tiers},
        calls_left=answer.calls_left,
        finish_at=time_in(answer, "finish_at"),
        bound_by=answer.bound_by,
        message=answer.message,
    )


def _lot_of(lot: plan_pb2.PlannedLot) -> PlannedLot:
    return PlannedLot(
        lot_id=lot.lot_id,
        calls=[_call_of(call) for call in lot.calls],
        held=[Held(reason=held.reason, message=held.message) for held in lot.held],
    )


def _call_of(call: plan_pb2.PlannedCall) -> PlannedCall:
    return PlannedCall(
        tier=call.tier.lower(),
        kind=call.kind.lower(),
        pieces=call.pieces,
        for_sale=call.for_sale if call.HasField("for_sale") else None,
        fields={name: value_of_proto(value) for name, value in call.fields.fields.items()},
    )
