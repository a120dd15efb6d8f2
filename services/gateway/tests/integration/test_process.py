"""The gateway as the process that production runs."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import httpx
import pytest

from devstack.ports import free_port
from gateway.config import Config
from gateway.testing.services import Services

SECONDS = 30


class Running:
    """A gateway process, and what it has logged so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []

    async def logs(self, message: str) -> None:
        """Returns once this message was logged."""
        async with asyncio.timeout(SECONDS):
            while not (self.lines and json.loads(self.lines[-1])["message"] == message):
                await self._read_line()

    async def end(self) -> int:
        """The exit code, once the process has ended and everything it logged is read."""
        async with asyncio.timeout(SECONDS):
            while await self._read_line():
                pass
            return await self.process.wait()

    async def _read_line(self) -> bool:
        assert self.process.stderr is not None
        line = (await self.process.stderr.readline()).decode()
        if line:
            self.lines.append(line)
        return bool(line)


def environment(config: Config) -> dict[str, str]:
    told = {
        "TLS_CA_FILE": config.tls_ca_file,
        "TLS_CERTIFICATE_FILE": config.tls_certificate_file,
        "TLS_KEY_FILE": config.tls_key_file,
        "LISTEN_HTTP": config.listen_http,
        "INVENTORY_ADDRESS": config.inventory_address,
        "CREDENTIALS_ADDRESS": config.credentials_address,
        "SYNC_BRICKLINK_ADDRESS": config.sync_bricklink_address,
        "MARKETPLACES": config.marketplaces,
        "ISSUER_URL": config.issuer_url,
        "LOG_LEVEL": "DEBUG",
    }
    return {f"GATEWAY_{name}": str(value) for name, value in told.items()}


@asynccontextmanager
async def process_with(told: dict[str, str]) -> AsyncIterator[Running]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gateway",
        "serve",
        env={"PATH": os.environ["PATH"], **told},
        stderr=asyncio.subprocess.PIPE,
    )
    running = Running(process)
    try:
        yield running
    finally:
        if process.returncode is None:
            process.kill()
        await running.end()


@pytest.fixture
def config(behind: Any) -> Config:
    settings: Config = behind.config(listen_http=f"127.0.0.1:{free_port()}")
    return settings


async def test_a_signal_drains_what_runs_and_the_exit_code_is_zero(
    behind: Any, services: Services, config: Config
) -> None:
    headers = {"Authorization": f"Bearer {behind.issuer.token()}"}
    async with (
        process_with(environment(config)) as running,
        httpx.AsyncClient(base_url=f"http://{config.listen_http}", headers=headers, trust_env=False) as client,
    ):
        await running.logs("serving")
        gate = services.inventory.faults.gate = asyncio.Event()
        asked = asyncio.create_task(client.get("/v1/lots"))
        await services.inventory.faults.waiting.wait()

        running.process.send_signal(signal.SIGTERM)
        await running.logs("Shutting down")
        gate.set()

        assert (await asked).status_code == 200
        assert await running.end() == 0


async def test_keys_and_tokens_are_in_no_log_line(behind: Any, services: Services, config: Config) -> None:
    """Not even when they come where they do not belong, and not when something fails."""
    token = behind.issuer.token(seller="seller-of-canaries")
    canary = "CANARY0123456789"
    keys = dict.fromkeys(("consumer_key", "consumer_secret", "token", "token_secret"), canary)
    shop = {"keys": keys, "shop_name": "demo", "currency": "EUR"}
    path = "/v1/connections/bricklink"
    async with (
        process_with(environment(config)) as running,
        httpx.AsyncClient(base_url=f"http://{config.listen_http}", timeout=SECONDS, trust_env=False) as client,
    ):
        await running.logs("serving")
        client.headers["Authorization"] = f"Bearer {token}"
        answers = [
            await client.put(path, json=shop),
            await client.put(path, json=shop | {canary: canary}),
            await client.put(path, json=shop | {"keys": keys | {"token": [canary]}}),
            await client.put(path, content=json.dumps(shop)[:-1], headers={"Content-Type": "application/json"}),
            await client.put(f"/v1/connections/{canary}", json=shop),
            await client.get(f"/v1/lots/{canary}?key={canary}", headers={"X-Correlation-Id": "followed"}),
            await client.get("/v1/lots", headers={"Authorization": f"Bearer {token}{canary}"}),
        ]
        services.credentials.faults.before = [grpc.StatusCode.INTERNAL]
        answers.append(await client.put(path, json=shop))
        running.process.terminate()
        assert await running.end() == 0

    assert [answer.status_code for answer in answers] == [200, 400, 400, 400, 404, 404, 401, 500]
    log = "".join(running.lines)
    assert canary not in log
    assert token not in log
    lines = [json.loads(line) for line in running.lines]
    followed = [line for line in lines if line["correlation_id"] == "followed" and line["logger"] == "gateway.door"]
    assert [(line["message"], line["route"], line["status"]) for line in followed] == [
        ("answered", "/v1/lots/{lot_id}", 404)
    ]
    assert {line["service"] for line in lines} == {"gateway"}


async def test_a_taken_port_is_said_in_one_line(config: Config, url: str) -> None:
    taken = url.removeprefix("http://")

    told = environment(config) | {"GATEWAY_LISTEN_HTTP": taken, "GATEWAY_LOG_LEVEL": "INFO"}
    async with process_with(told) as running:
        assert await running.end() == 1

    assert running.lines == [f"cannot listen on {taken}: Address already in use\n"]


async def test_what_is_missing_is_said_at_once() -> None:
    async with process_with({"GATEWAY_TYPO": "1"}) as running:
        assert await running.end() == 1

    assert running.lines == [
        "GATEWAY_TLS_CA_FILE is missing\n",
        "GATEWAY_TLS_CERTIFICATE_FILE is missing\n",
        "GATEWAY_TLS_KEY_FILE is missing\n",
        "GATEWAY_TYPO is not a setting\n",
    ]
