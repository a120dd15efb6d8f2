"""CreateLot over gRPC, beside a gRPC call that does nothing, with the same certificates and the same request."""

import socket
import sys
import uuid
from functools import partial
from pathlib import Path

from bench.echo import METHOD
from bench.rates import Compared, compare, rate_of
from brickops.inventory.v1.inventory_service_pb2 import CreateLotRequest
from brickops.inventory.v1.lot_pb2 import Lot
from devstack.ports import HOST, free_port
from devstack.programs import Program
from devstack.testing import Stack
from inventory.testing.calls import Calls, a_brick
from servicekit.grpc_client import open_channel

_CALLS = 100
_AT_ONCE = 8


async def create_lot(stack: Stack) -> Compared:
    """Eight callers each, as the gateway calls."""
    port = free_port()
    stack.begin(_echo_program(stack, port))
    tls, seller = stack.tls("gateway"), f"seller-{uuid.uuid4()}"
    async with (
        open_channel(stack.address("inventory"), service="inventory", tls=tls) as inventory,
        open_channel(f"{HOST}:{port}", service="inventory", tls=tls) as echo,
    ):
        calls = Calls(inventory, seller)
        ask = echo.unary_unary(
            METHOD,
            request_serializer=CreateLotRequest.SerializeToString,
            response_deserializer=CreateLotRequest.FromString,
        )

        async def create() -> float:
            return await rate_of([partial(calls.create, _a_lot()) for _ in range(_CALLS)], at_once=_AT_ONCE)

        async def bare() -> float:
            requests = [CreateLotRequest(request_id=uuid.uuid4().hex, lot=_a_lot()) for _ in range(_CALLS)]
            return await rate_of([partial(ask, one, **calls.how) for one in requests], at_once=_AT_ONCE)

        return await compare("CreateLot over gRPC", create, "an echo over gRPC", bare)


def _a_lot() -> Lot:
    return a_brick(remarks=uuid.uuid4().hex)


def _echo_program(stack: Stack, port: int) -> Program:
    tls = stack.tls("inventory")
    return Program(
        name="echo",
        command=(sys.executable, "-m", "bench.echo", f"{HOST}:{port}", *map(str, (tls.ca, tls.certificate, tls.key))),
        environment={"PYTHONPATH": str(Path(__file__).parents[1])},
        folder=stack.folder,
        check=partial(_listens, port),
        port=port,
    )


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0
