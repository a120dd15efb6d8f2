"""A sync service in memory."""

from collections.abc import Awaitable, Callable

from google.protobuf.struct_pb2 import Value

from brickops.sync.v1 import sync_service_pb2 as sync_pb
from brickops.sync.v1 import sync_service_pb2_grpc as sync_grpc
from brickops.sync.v1 import waiting_pb2
from gateway.testing.answering import Answers, Changed, Context, Faults, NotFound, NothingToConfirm, page_of
from servicekit.callers import current_caller, require_role


class SyncFake(sync_grpc.SyncServiceServicer):
    """A sync service in memory: tells what a test put in."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.connections: dict[str, sync_pb.Connection] = {}
        """By seller."""
        self.differences: list[sync_pb.Difference] = []
        self.waiting: list[waiting_pb2.WaitingLot] = []
        self.answered: list[sync_pb.AnswerTroubleRequest] = []
        self.answering_trouble: (
            Callable[[sync_pb.AnswerTroubleRequest, Context], Awaitable[sync_pb.AnswerTroubleResponse]] | None
        ) = None
        """Answers in its place, if set."""
        self.lines: list[waiting_pb2.UnassignedLine] = []
        self.unmapped: list[sync_pb.UnmappedItem] = []
        self.unowned: list[waiting_pb2.UnownedListing] = []
        self.default = sync_pb.FieldDefault(field="grade", value="usedg", choices=["usedg", "usedn"])
        self.tested = sync_pb.TestConnectionResponse()
        self.pings: list[sync_pb.PingRequest] = []
        self.planned = sync_pb.PlanResponse()
        self._answers = Answers()

    async def GetConnection(  # noqa: N802
        self, request: sync_pb.GetConnectionRequest, context: Context
    ) -> sync_pb.GetConnectionResponse:
        """Says what a connection does."""
        async with self.faults.around(context):
            return sync_pb.GetConnectionResponse(connection=self._connection())

    async def TestConnection(  # noqa: N802
        self, request: sync_pb.TestConnectionRequest, context: Context
    ) -> sync_pb.TestConnectionResponse:
        """Says what a test put in."""
        async with self.faults.around(context):
            self._connection()
            return self.tested

    async def ListDifferences(  # noqa: N802
        self, request: sync_pb.ListDifferencesRequest, context: Context
    ) -> sync_pb.ListDifferencesResponse:
        """Lists differences."""
        async with self.faults.around(context):
            page, token = page_of(self.differences, request.page_size, request.page_token)
            return sync_pb.ListDifferencesResponse(differences=page, next_page_token=token)

    async def ConfirmConnection(  # noqa: N802
        self, request: sync_pb.ConfirmConnectionRequest, context: Context
    ) -> sync_pb.ConfirmConnectionResponse:
        """Agrees to the first plan."""
        require_role("owner")
        async with self.faults.around(context):
            connection = self._connection()
            if connection.state != sync_pb.CONNECTION_STATE_AWAITING_CONFIRMATION:
                raise NothingToConfirm("There is no plan to agree to.")
            connection.state = sync_pb.CONNECTION_STATE_READY
            return sync_pb.ConfirmConnectionResponse(connection=connection)

    async def PauseConnection(  # noqa: N802
        self, request: sync_pb.PauseConnectionRequest, context: Context
    ) -> sync_pb.PauseConnectionResponse:
        """Pauses."""
        require_role("owner")
        async with self.faults.around(context):
            return self._answers.once(request, request.request_id, self._pause)

    def _pause(self) -> sync_pb.PauseConnectionResponse:
        connection = self._connection()
        connection.state = sync_pb.CONNECTION_STATE_PAUSED
        return sync_pb.PauseConnectionResponse(connection=connection)

    async def ResumeConnection(  # noqa: N802
        self, request: sync_pb.ResumeConnectionRequest, context: Context
    ) -> sync_pb.ResumeConnectionResponse:
        """Resumes."""
        require_role("owner")
        async with self.faults.around(context):
            connection = self._connection()
            connection.state = sync_pb.CONNECTION_STATE_READY
            return sync_pb.ResumeConnectionResponse(connection=connection)

    async def Plan(self, request: sync_pb.PlanRequest, context: Context) -> sync_pb.PlanResponse:  # noqa: N802
        """Says what a test put in, of the lots that it was asked for."""
        async with self.faults.around(context):
            found = [lot for lot in self.planned.lots if not request.lot_ids or lot.lot_id in request.lot_ids]
            page, token = page_of(found, request.page_size, request.page_token)
            told = sync_pb.PlanResponse()
            told.CopyFrom(self.planned)
            del told.lots[:]
            told.lots.extend(page)
            told.next_page_token = token
            return told

    async def SyncNow(  # noqa: N802
        self, request: sync_pb.SyncNowRequest, context: Context
    ) -> sync_pb.SyncNowResponse:
        """Says what it was asked."""
        require_role("owner", "editor")
        async with self.faults.around(context):
            return sync_pb.SyncNowResponse(brought_forward=True, message=f"compare: {request.compare}")

    async def Ping(self, request: sync_pb.PingRequest, context: Context) -> sync_pb.PingResponse:  # noqa: N802
        """Keeps it."""
        async with self.faults.around(context):
            self.pings.append(request)
            return sync_pb.PingResponse()

    async def GetPingToken(  # noqa: N802
        self, request: sync_pb.GetPingTokenRequest, context: Context
    ) -> sync_pb.GetPingTokenResponse:
        """Gives the same to all."""
        require_role("owner")
        async with self.faults.around(context):
            return sync_pb.GetPingTokenResponse(token="t" * 43)

    async def Retry(self, request: sync_pb.RetryRequest, context: Context) -> sync_pb.RetryResponse:  # noqa: N802
        """Says what it was asked."""
        require_role("owner", "editor")
        async with self.faults.around(context):
            return sync_pb.RetryResponse(lots=1, message=request.lot_id or request.reason)

    async def ListWaiting(  # noqa: N802
        self, request: sync_pb.ListWaitingRequest, context: Context
    ) -> sync_pb.ListWaitingResponse:
        """Lists what a test put in."""
        async with self.faults.around(context):
            found = [one for one in self.waiting if request.reason in ("", one.trouble.trouble)]
            page, token = page_of(found, request.page_size, request.page_token)
            return sync_pb.ListWaitingResponse(lots=page, next_page_token=token)

    async def GetWaiting(  # noqa: N802
        self, request: sync_pb.GetWaitingRequest, context: Context
    ) -> sync_pb.GetWaitingResponse:
        """Reads one of them."""
        async with self.faults.around(context):
            return sync_pb.GetWaitingResponse(lot=self._waiting(request.lot_id))

    async def KeepOurs(  # noqa: N802
        self, request: sync_pb.KeepOursRequest, context: Context
    ) -> sync_pb.KeepOursResponse:
        """Ends a conflict."""
        require_role("owner", "editor")
        async with self.faults.around(context):
            return self._answers.once(request, request.request_id, lambda: self._keep(request))

    def _keep(self, request: sync_pb.KeepOursRequest) -> sync_pb.KeepOursResponse:
        self._conflict(request.lot_id, request.field, request.theirs)
        del self._waiting(request.lot_id).conflicts[:]
        return sync_pb.KeepOursResponse(message="ours")

    async def TakeTheirs(  # noqa: N802
        self, request: sync_pb.TakeTheirsRequest, context: Context
    ) -> sync_pb.TakeTheirsResponse:
        """Says how theirs is taken."""
        require_role("owner", "editor")
        async with self.faults.around(context):
            return self._answers.once(request, request.request_id, lambda: self._take(request))

    def _take(self, request: sync_pb.TakeTheirsRequest) -> sync_pb.TakeTheirsResponse:
        conflict = self._conflict(request.lot_id, request.field, request.theirs)
        answer = sync_pb.TakeTheirsResponse(lot=conflict.lot, mask=conflict.mask, message="theirs")
        del self._waiting(request.lot_id).conflicts[:]
        return answer

    async def AnswerTrouble(  # noqa: N802
        self, request: sync_pb.AnswerTroubleRequest, context: Context
    ) -> sync_pb.AnswerTroubleResponse:
        """Ends a trouble; `answered` shows how."""
        require_role("owner", "editor")
        if self.answering_trouble is not None:
            return await self.answering_trouble(request, context)
        return await self.answer_trouble(request, context)

    async def answer_trouble(
        self, request: sync_pb.AnswerTroubleRequest, context: Context
    ) -> sync_pb.AnswerTroubleResponse:
        """What AnswerTrouble does."""
        async with self.faults.around(context):
            asked = sync_pb.AnswerTroubleRequest()
            asked.CopyFrom(request)
            asked.ClearField("lot_revision")
            return self._answers.once(asked, request.request_id, lambda: self._answer(request))

    def _answer(self, request: sync_pb.AnswerTroubleRequest) -> sync_pb.AnswerTroubleResponse:
        told = self._waiting(request.lot_id).trouble
        if (told.trouble, told.difference) != (request.trouble, request.difference):
            raise Changed("It is no longer in this trouble.")
        self.answered.append(request)
        self.waiting.remove(self._waiting(request.lot_id))
        return sync_pb.AnswerTroubleResponse(message="answered")

    async def AnswerAlarm(  # noqa: N802
        self, request: sync_pb.AnswerAlarmRequest, context: Context
    ) -> sync_pb.AnswerAlarmResponse:
        """Says what it was asked."""
        require_role("owner")
        async with self.faults.around(context):
            name = waiting_pb2.AlarmAnswer.Name(request.answer)
            return sync_pb.AnswerAlarmResponse(message=f"{request.alarm} {request.missing} {name}")

    async def AnswerShop(  # noqa: N802
        self, request: sync_pb.AnswerShopRequest, context: Context
    ) -> sync_pb.AnswerShopResponse:
        """Says what it was asked."""
        require_role("owner")
        async with self.faults.around(context):
            name = waiting_pb2.ShopAnswer.Name(request.answer)
            return sync_pb.AnswerShopResponse(message=f"{request.shown_name} {name}")

    async def ListUnassignedLines(  # noqa: N802
        self, request: sync_pb.ListUnassignedLinesRequest, context: Context
    ) -> sync_pb.ListUnassignedLinesResponse:
        """Lists what a test put in."""
        async with self.faults.around(context):
            page, token = page_of(self.lines, request.page_size, request.page_token)
            return sync_pb.ListUnassignedLinesResponse(lines=page, next_page_token=token)

    async def AssignLines(  # noqa: N802
        self, request: sync_pb.AssignLinesRequest, context: Context
    ) -> sync_pb.AssignLinesResponse:
        """Says what it was asked."""
        require_role("owner", "editor")
        async with self.faults.around(context):
            return sync_pb.AssignLinesResponse(lines=1, message=f"{request.listing_id} {request.lot_id}")

    async def ListUnownedListings(  # noqa: N802
        self, request: sync_pb.ListUnownedListingsRequest, context: Context
    ) -> sync_pb.ListUnownedListingsResponse:
        """Lists what a test put in."""
        async with self.faults.around(context):
            page, token = page_of(self.unowned, request.page_size, request.page_token)
            return sync_pb.ListUnownedListingsResponse(listings=page, next_page_token=token, currency_code="EUR")

    async def ListUnmappedItems(  # noqa: N802
        self, request: sync_pb.ListUnmappedItemsRequest, context: Context
    ) -> sync_pb.ListUnmappedItemsResponse:
        """Lists what a test put in."""
        async with self.faults.around(context):
            page, token = page_of(self.unmapped, request.page_size, request.page_token)
            return sync_pb.ListUnmappedItemsResponse(items=page, next_page_token=token)

    async def MapItem(self, request: sync_pb.MapItemRequest, context: Context) -> sync_pb.MapItemResponse:  # noqa: N802
        """Says what it was asked."""
        require_role("owner", "editor")
        async with self.faults.around(context):
            color = f" {request.color_id}" if request.HasField("color_id") else ""
            return sync_pb.MapItemResponse(lots=1, message=f"{request.number}{color} {request.number_there}")

    async def ListDefaults(  # noqa: N802
        self, request: sync_pb.ListDefaultsRequest, context: Context
    ) -> sync_pb.ListDefaultsResponse:
        """Lists one."""
        async with self.faults.around(context):
            return sync_pb.ListDefaultsResponse(defaults=[self.default])

    async def SetDefault(  # noqa: N802
        self, request: sync_pb.SetDefaultRequest, context: Context
    ) -> sync_pb.SetDefaultResponse:
        """Takes any value for the one."""
        require_role("owner")
        async with self.faults.around(context):
            self.default.value = request.value
            return sync_pb.SetDefaultResponse(default=self.default, message=f"{request.field} {request.value}")

    def _waiting(self, lot_id: str) -> waiting_pb2.WaitingLot:
        for one in self.waiting:
            if one.lot_id == lot_id:
                return one
        raise NotFound("This lot waits for nobody.")

    def _conflict(self, lot_id: str, field: str, theirs: Value) -> waiting_pb2.FieldConflict:
        for conflict in self._waiting(lot_id).conflicts:
            if (conflict.field, conflict.theirs) == (field, theirs):
                return conflict
        raise Changed("The shop shows something else by now.")

    def _connection(self) -> sync_pb.Connection:
        unknown = sync_pb.Connection(marketplace="bricklink", state=sync_pb.CONNECTION_STATE_NOT_CONNECTED)
        return self.connections.get(current_caller().require_seller(), unknown)
