"""`python -m devstack run | token | clean-state`, as the Makefile calls it."""

import argparse
import contextlib
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from types import FrameType

from rich.console import Console

from devstack import jars, tokens
from devstack.preflight import started_elsewhere
from devstack.problems import Problem
from devstack.product import Product
from devstack.services import ORDER
from devstack.settings import Surroundings
from devstack.state import remove
from devstack.view import View
from devstack.watch import Watch


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and do what it says; a `Problem` ends it with its one line."""
    logging.basicConfig(level=logging.CRITICAL)  # libraries complain about what we are only waiting for
    chosen = _parser().parse_args(arguments)
    try:
        match chosen.command:
            case "run":
                sys.exit(run(Surroundings.of(os.environ)))
            case "token":
                print(token(Surroundings.of(os.environ), role=chosen.role, seller=chosen.seller))  # noqa: T201
            case "clean-state":
                surroundings = Surroundings.of(os.environ)
                remove(surroundings.folder, cache=surroundings.cache, with_cache=chosen.cache)
            case "lock-kafka":
                jars.LOCK.write_text(jars.resolve_lock(Surroundings.of(os.environ).cache / "maven"))
    except Problem as problem:
        sys.exit(f"{problem}")


def run(surroundings: Surroundings) -> int:
    """Start everything, show it until a signal comes, stop everything; 0 if all ended well."""
    _raise_on_signals()
    elsewhere = started_elsewhere(surroundings)
    with contextlib.ExitStack() as stack:
        product = Product(surroundings, report=lambda line: view.step(line))
        watch = Watch(
            [name for name in ORDER if name not in elsewhere],
            product.running.get,
            changed=lambda row: view.changed(row),
        )
        view = View(Console(highlight=False), lambda: watch.rows)
        stack.enter_context(view)
        stack.enter_context(watch)
        with _stopped_at_the_end(product, view), contextlib.suppress(KeyboardInterrupt):
            product.start()
            watch.look()
            if surroundings.settings.demo:
                product.load_demo()
            view.all_up(_places(surroundings, product))
            threading.Event().wait()
        view.step("stopped")
        watch.look()
    return 0 if all(running.ended_well for running in product.running.values()) else 1


def token(surroundings: Surroundings, *, role: str, seller: str) -> str:
    """Sign a token for the stack that runs, or last ran, with this state. Raises `Problem` if none ever did."""
    urls = surroundings.folder / "urls.json"
    if not urls.exists():
        raise Problem(f"nothing was started yet with the state in {surroundings.folder}: make run")
    issuer_url = json.loads(urls.read_text())["issuer"]
    return tokens.sign_token(surroundings.folder, issuer_url=issuer_url, role=role, seller=seller)


@contextlib.contextmanager
def _stopped_at_the_end(product: Product, view: View) -> Iterator[None]:
    try:
        yield
    finally:
        view.stopping()
        try:
            product.stop()
        except KeyboardInterrupt:  # the person cannot wait
            product.kill_all()


def _places(surroundings: Surroundings, product: Product) -> dict[str, str]:
    return {
        "REST API": f"{product.gateway_url}/docs",
        "BrickLink": surroundings.bricklink_api_url or f"{product.sandbox_url}/ (a sandbox)",
        "Brick Owl": surroundings.brickowl_api_url or f"{product.brickowl_sandbox_url}/ (a sandbox)",
        "a token": "make token ROLE=owner (or editor, viewer; SELLER=B for another seller)",
        "logs": str(surroundings.folder / "logs"),
    }


def _raise_on_signals() -> None:
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m devstack", description="The whole product on one machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="start everything; Ctrl-C stops it")
    signing = commands.add_parser("token", help="print a token of a demo user")
    signing.add_argument("--role", choices=tokens.ROLES, default="owner")
    signing.add_argument("--seller", default="A", help="which demo seller: any short word (default A)")
    cleaning = commands.add_parser("clean-state", help="remove everything that a run keeps")
    cleaning.add_argument("--cache", action="store_true", help="also what was downloaded")
    commands.add_parser("lock-kafka", help="resolve Kafka's jars anew and pin them")
    return parser


if __name__ == "__main__":
    main()
