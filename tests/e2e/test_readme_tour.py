"""The README's tour, word for word: what a newcomer copies into a terminal works."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from devstack.demo import SHOP
from devstack.testing import Stack
from product.lots import Json

README = Path(__file__).parents[2] / "README.md"
END = "<the block ended well>"
"""Printed after each block: sh is told to stop at the first command that fails."""


def blocks() -> list[str]:
    """The commands between the two marks, as they stand there."""
    _, rest = README.read_text().split("<!-- tour -->\n")
    tour, _ = rest.split("<!-- tour ends -->\n")
    return re.findall(r"^```sh\n(.*?)^```$", tour, re.DOTALL | re.MULTILINE)


@pytest.fixture
def toured(stack: Stack) -> Iterator[list[str]]:
    """What each block printed, all of them run in one sh as a newcomer would, with the stack of this session."""
    stack.load_demo()
    commands = "".join(f"{block}\necho '{END}'\n" for block in blocks())
    commands = commands.replace("http://127.0.0.1:8080", stack.gateway_url)
    commands = commands.replace("http://127.0.0.1:8091", stack.sandbox_url)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(stack.folder),
        "BRICKOPS_STATE": str(stack.folder),  # where `make token` finds the issuer of this stack
    }
    ran = subprocess.run(
        ["sh", "-e"],
        input=commands,
        env=environment,
        cwd=README.parent,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert ran.returncode == 0, f"{ran.stdout[-3000:]}\n{ran.stderr[-3000:]}"
    yield ran.stdout.split(f"{END}\n")[:-1]
    own = {"Authorization": f"Bearer {stack.token()}"}
    httpx.delete(f"{stack.gateway_url}/v1/connections/bricklink", headers=own, trust_env=False)


@pytest.mark.timeout(300)
def test_the_tour_works_word_for_word(stack: Stack, toured: list[str]) -> None:
    assert len(toured) == len(blocks()) == 10
    listed, connected, created, changed, sold, imported, planned, told, _, undone = toured
    assert len(_last(listed)["items"]) == 5
    assert '"shop_name":"demo_seller"' in connected
    assert _last(created)["quantity"] == 40
    shown = _last(changed)
    assert (shown["quantity"], shown["unit_price"], shown["description"]) == (45, "0.0950", "sorted and washed")
    [line] = json.loads(sold.strip().splitlines()[0])["batches"][0]
    assert line["quantity"] == 3
    done = _last(imported)
    assert (done["state"], done["created_rows"], done["refused_rows"]) == ("done", 50, 0)
    plan = json.loads(planned.strip().splitlines()[0])
    assert plan["bound_by"] == "PAUSED_BY_A_PERSON"
    assert 0 < plan["total_calls"] < plan["total_lots"]
    assert {call["kind"] for lot in plan["items"] for call in lot["calls"]} == {"create"}
    assert _last(planned)["state"] == "ready"
    changes = _last(told)["items"]
    assert [(change["type"], change["quantity_delta"]) for change in changes] == [
        ("sold", -3),
        ("adjusted", 5),
        ("updated", 0),
        ("created", 40),
    ]
    exported = Path("/tmp/brickops-lots.bsx").read_text()
    assert "C3-01" in exported
    assert exported.count("<Item>") == 56  # the demo's five, the tour's one, the fifty imported
    listings = httpx.get(f"{stack.sandbox_url}/sandbox/shops/{SHOP}/lots", trust_env=False).json()
    [listing] = [listing for listing in listings if listing["remarks"] == "C3-01"]
    assert listing["quantity"] == 42
    assert len(listings) == 6
    assert _last(undone)["undone_changes"] == 50


def _last(printed: str) -> Json:
    """The last document that a block printed."""
    return json.loads(printed.strip().splitlines()[-1])
