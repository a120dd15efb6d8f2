"""`python -m gateway serve`."""

import argparse
import asyncio
import os
import sys
from contextlib import AsyncExitStack

import httpx

from gateway.app import Gateway
from gateway.auth import Tokens
from gateway.config import Config
from gateway.http_server import listen_on, serve_http
from gateway.pings.routes import brickowl_door
from gateway.signing_keys import SigningKeys
from gateway.upstreams import connected
from servicekit.certificate_expiry import watch_expiry
from servicekit.clock import SystemClock
from servicekit.config import ConfigError, from_environment
from servicekit.lifecycle import run_until_signalled
from servicekit.logs import configure_logs
from servicekit.metrics import serving_metrics
from servicekit.mtls import Reloaded

ISSUER_SECONDS = 3.0


async def serve(config: Config) -> None:
    """Answers REST until a signal comes."""
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(listen_on(config.listen_http))
        doors = [stack.enter_context(listen_on(config.listen_pings))] if config.listen_pings else []
        upstreams = await stack.enter_async_context(connected(config))
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=ISSUER_SECONDS))
        keys = SigningKeys(http, config.issuer_url, clock)
        tokens = Tokens(keys, issuer_url=config.issuer_url, audience=config.audience, clock=clock)
        app = Gateway(upstreams=upstreams, keys=keys, tokens=tokens)
        await stack.enter_async_context(serving_metrics(config.metrics_listen, config.tls))
        await run_until_signalled(
            serve_http(app, listener, drain=config.drain),
            *(serve_http(brickowl_door(app.state.pings), door, drain=config.drain) for door in doors),
            watch_expiry(Reloaded(config.tls), clock),
        )


def main() -> None:
    """Parses the command line and does what it says."""
    parser = argparse.ArgumentParser(prog="python -m gateway", description="REST for frontends.")
    parser.add_argument("command", choices=["serve"], help="answer REST until SIGTERM; settings come as GATEWAY_...")
    parser.parse_args()
    try:
        config = from_environment(Config, "GATEWAY_", os.environ)
        configure_logs("gateway", config.log_level)
        asyncio.run(serve(config))
    except (ConfigError, OSError) as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
