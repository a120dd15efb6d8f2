"""A bare gRPC server that answers what it is sent, with the product's TLS and nothing else: a process of its own."""

import argparse
import asyncio
from pathlib import Path
from typing import Any

import grpc

from brickops.inventory.v1.inventory_service_pb2 import CreateLotRequest
from servicekit.lifecycle import run_until_signalled
from servicekit.mtls import Reloaded, TlsFiles, server_credentials

METHOD = "/bench.Echo/Echo"


async def _echo(request: CreateLotRequest, context: grpc.aio.ServicerContext[Any, Any]) -> CreateLotRequest:
    return request


async def _serve(address: str, tls: TlsFiles) -> None:
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    handler = grpc.unary_unary_rpc_method_handler(
        _echo,
        request_deserializer=CreateLotRequest.FromString,
        response_serializer=CreateLotRequest.SerializeToString,
    )
    service, _, method = METHOD[1:].partition("/")
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
    server.add_secure_port(address, server_credentials(Reloaded(tls)))
    await server.start()
    try:
        await run_until_signalled()
    finally:
        await server.stop(0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.echo", description=__doc__)
    parser.add_argument("address")
    for file in ("ca", "certificate", "key"):
        parser.add_argument(file, type=Path)
    asked = parser.parse_args()
    asyncio.run(_serve(asked.address, TlsFiles(ca=asked.ca, certificate=asked.certificate, key=asked.key)))
