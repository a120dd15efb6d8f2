"""`python -m sandbox serve` runs the shops; `python -m sandbox bricklink-xml` writes an upload file for one."""

import argparse
import asyncio
import logging
import os
import signal
import socket
import sys
from contextlib import ExitStack
from pathlib import Path

from sandbox.bricklink.marketplace import BRICKLINK
from sandbox.bricklink.upload_xml import upload_xml
from sandbox.catalog import Catalog
from sandbox.hosting.journal import StateInUse
from sandbox.hosting.marketplace import Marketplace
from sandbox.marketplaces import MARKETPLACES
from sandbox.server import Server, system_clock

_LOG = logging.getLogger("sandbox")


def main(argv: list[str] | None = None) -> int:
    """Run the command in `argv`; returns the exit code."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.command == "bricklink-xml":
        sys.stdout.write(upload_xml(Catalog.shipped(), lots=arguments.lots, seed=arguments.seed))
        return 0
    marketplace = MARKETPLACES[arguments.marketplace]
    if arguments.public_url and marketplace is not BRICKLINK:
        parser.error("--public-url: only BrickLink's clients sign one")
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        listen = arguments.listen or ("127.0.0.1", marketplace.port)
        asyncio.run(_serve(marketplace, listen, arguments.state, arguments.public_url))
    except (StateInUse, _CannotListen) as error:
        sys.stderr.write(f"sandbox: {error}\n")
        return 1
    return 0


class _CannotListen(Exception):
    """The address is taken, or not ours."""


async def _serve(marketplace: Marketplace, listen: tuple[str, int], state: Path | None, public_url: str | None) -> None:
    """Serve until SIGTERM or SIGINT."""
    with ExitStack() as stack:
        listener = stack.enter_context(_listening(*listen))
        shops = stack.enter_context(marketplace.open_shops(state, system_clock))
        server = Server(shops, public_url=public_url)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, server.stop)
        host, port = listener.getsockname()[:2]
        _LOG.info("%s listening on http://%s:%d, state in %s", marketplace.title, host, port, state or "memory")
        await server.serve([listener])


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise _CannotListen(f"cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="serve a marketplace's API, the control API and a page for people")
    serve.add_argument("--marketplace", choices=MARKETPLACES, default=BRICKLINK.name, help="default bricklink")
    ports = ", ".join(f"{each.name} {each.port}" for each in MARKETPLACES.values())
    serve.add_argument("--listen", type=_address, metavar="HOST:PORT", help=f"default 127.0.0.1 ({ports})")
    serve.add_argument("--state", type=Path, metavar="FOLDER", help="where shops are kept; default: in memory")
    serve.add_argument("--public-url", metavar="URL", help="what BrickLink's clients sign; default: what they ask for")
    xml = commands.add_parser("bricklink-xml", help="write a BrickLink upload XML of made-up lots to standard output")
    xml.add_argument("--lots", type=int, required=True, metavar="N", help="how many lots")
    xml.add_argument("--seed", type=int, default=1, metavar="S", help="the same seed gives the same file; default 1")
    return parser


def _address(text: str) -> tuple[str, int]:
    host, separator, port = text.rpartition(":")
    if not separator or not port.isdecimal() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host.strip("[]"), int(port)


if __name__ == "__main__":
    sys.exit(main())
