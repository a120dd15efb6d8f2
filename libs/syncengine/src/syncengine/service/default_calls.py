"""What fields are in a shop that lots leave unsaid."""

from functools import partial

from brickops.sync.v1 import sync_service_pb2 as pb
from servicekit.grpc_errors import InvalidField
from syncengine.defaults import wanted, with_wanted
from syncengine.rows.connection import ConnectionRow
from syncengine.service import words
from syncengine.service.asking import OWNERS, Context, Desk, known, reader
from syncengine.store.protocol import Transaction


class DefaultCalls(Desk):
    """Calls about what fields are that lots leave unsaid."""

    async def ListDefaults(  # noqa: N802 - gRPC's names, here and below
        self, request: pb.ListDefaultsRequest, context: Context
    ) -> pb.ListDefaultsResponse:
        """Lists them, and what they may be."""
        seller_id = reader()
        async with self._store.transaction() as tx:
            connection = known(await tx.find_connection(seller_id))
        return pb.ListDefaultsResponse(
            defaults=[self._default(connection, name) for name in sorted(self._facts.choices)]
        )

    async def SetDefault(self, request: pb.SetDefaultRequest, context: Context) -> pb.SetDefaultResponse:  # noqa: N802
        """Takes a seller's word for one of them."""
        choices = self._facts.choices.get(request.field)
        if choices is None:
            raise InvalidField("field", "is none that this marketplace has a default for")
        if request.value not in choices:
            raise InvalidField("value", f"must be one of {', '.join(choices)}")
        return await self._once(request, OWNERS, pb.SetDefaultResponse, partial(self._set, request))

    async def _set(
        self, request: pb.SetDefaultRequest, tx: Transaction, connection: ConnectionRow
    ) -> pb.SetDefaultResponse:
        connection = with_wanted(connection, self._facts, request.field, request.value, self._clock.now())
        await tx.save_connection(connection)
        return pb.SetDefaultResponse(default=self._default(connection, request.field), message=words.DEFAULT_SET)

    def _default(self, connection: ConnectionRow, name: str) -> pb.FieldDefault:
        value = wanted(connection, self._facts)[name]
        return pb.FieldDefault(field=name, value=value, choices=self._facts.choices[name])
