"""A person at a connection: what they may ask and say, over the servicer itself."""

from typing import Any
from uuid import uuid4

from brickops.sync.v1 import sync_service_pb2 as pb
from brickops.sync.v1 import waiting_pb2
from servicekit.callers import Caller, calling_as
from syncengine.listing import LotId, Values
from syncengine.service.servicer import SyncServicer
from syncengine.service.theirs import ItemHere, LotFields, LotFieldsOf
from syncengine.testing.inventory import SELLER
from syncengine.testing.world import World

CONTEXT: Any = None
OWNER = Caller("gateway", seller_id=SELLER, actor="user", role="owner")


def no_fields(name: str, shown: Values, *, currency_code: str) -> LotFields | None:
    """Map nothing: the shop in memory has no lots of inventory's."""
    return None


class Operator:
    """The owner of the connection of a world."""

    def __init__(
        self, world: World, *, lot_fields_of: LotFieldsOf = no_fields, item_here: ItemHere | None = None
    ) -> None:
        self._servicer = SyncServicer(
            store=world.store,
            clock=world.clock,
            facts=world.shop.facts,
            settings=world.settings,
            lot_fields_of=lot_fields_of,
            item_here=item_here,
        )

    async def ask(self, method: str, request: Any) -> Any:
        """Make a call; a command without an id gets one."""
        if "request_id" in request.DESCRIPTOR.fields_by_name and not request.request_id:
            request.request_id = str(uuid4())
        with calling_as(OWNER):
            return await getattr(self._servicer, method)(request, CONTEXT)

    async def connection(self) -> pb.Connection:
        """What the connection says of itself."""
        told: pb.Connection = (await self.ask("GetConnection", pb.GetConnectionRequest())).connection
        return told

    async def waiting(self, lot_id: str) -> waiting_pb2.WaitingLot:
        """Why a lot waits. Raises NotWaiting."""
        told: waiting_pb2.WaitingLot = (await self.ask("GetWaiting", pb.GetWaitingRequest(lot_id=lot_id))).lot
        return told

    async def answer(
        self, lot_id: str, answer: waiting_pb2.TroubleAnswer.ValueType, *, lot_revision: int = 0, listing_id: str = ""
    ) -> pb.AnswerTroubleResponse:
        """Answer the trouble of a lot as it is shown now."""
        trouble = (await self.waiting(LotId(lot_id))).trouble
        told: pb.AnswerTroubleResponse = await self.ask(
            "AnswerTrouble",
            pb.AnswerTroubleRequest(
                lot_id=lot_id,
                trouble=trouble.trouble,
                answer=answer,
                listing_id=listing_id,
                seen_listing_ids=[alike.listing_id for alike in trouble.look_alikes],
                difference=trouble.difference,
                lot_revision=lot_revision,
            ),
        )
        return told
