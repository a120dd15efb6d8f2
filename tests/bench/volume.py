"""What a large store costs, in seconds and calls: a file of lots into the shop, and an import undone and redone.

`make measure-volume` takes half an hour: a thousand listings are removed one by one, one in a second (rule B4).
"""

import argparse
import asyncio
import time

from rich.console import Console

from bench.many_lots import fill_shop
from devstack.testing import Stack, temporary_stack
from product.pace import QUICK
from product.seller import Seller
from product.undoing import import_undone_and_redone

_PATIENCE = 3600.0


async def _undo(stack: Stack, lots: int, sold: int) -> str:
    async with Seller.opened(stack, currency="EUR") as seller:
        await seller.connect()
        began = time.perf_counter()
        await import_undone_and_redone(seller, lots, sold=sold, patience=_PATIENCE)
        took = time.perf_counter() - began
        requests = await seller.shop.requests()
    methods = [one["method"] for one in requests]
    calls = ", ".join(f"{methods.count(method)} {method}" for method in ("GET", "POST", "DELETE"))
    return f"{lots} lots imported, {sold} of them sold from, undone and redone in {took:.0f} s, by {calls}."


def _measure(console: Console, lots: int, undone: int, sold: int) -> None:
    if lots:
        with temporary_stack() as stack:
            console.print(asyncio.run(fill_shop(stack, lots)).words)
    if undone:
        with temporary_stack(overrides=QUICK) as stack:
            console.print(asyncio.run(_undo(stack, undone, sold)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lots", type=int, default=20_000, help="of the file; 0: no file")
    parser.add_argument("--undone", type=int, default=1000, help="lots of the import that is undone; 0: none")
    parser.add_argument("--sold", type=int, default=40, help="how many of those sell pieces before")
    asked = parser.parse_args()
    _measure(Console(), asked.lots, asked.undone, asked.sold)
