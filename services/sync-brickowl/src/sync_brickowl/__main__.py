"""`python -m sync_brickowl serve | migrate`: settings come from the environment, as `SYNC_BRICKOWL_...`."""

from sync_brickowl.auth import keys_of
from sync_brickowl.catalog import entry_named, entry_text, item_here
from sync_brickowl.client import MAX_CONNECTIONS, BrickOwl
from sync_brickowl.config import Config
from sync_brickowl.listing import facts, lot_of
from sync_brickowl.lot_fields import lot_fields_of
from syncengine.service.flags import Flags
from syncengine.service.main import main
from syncengine.service.run import run


async def serve(config: Config, flags: Flags) -> None:
    """Keep shops in step until a signal."""
    brickowl = facts(config.calls_per_minute, config.batches_per_minute, config.ping_ip)
    await run(
        config,
        keys_of=keys_of,
        shop_of=lambda http, keys: BrickOwl(http, keys, brickowl),
        facts=brickowl,
        lot_of=lot_of,
        lot_fields_of=lot_fields_of,
        entry_named=entry_named,
        entry_text=entry_text,
        item_here=item_here,
        connections=MAX_CONNECTIONS,
        flags=flags,
    )


if __name__ == "__main__":
    main("brickowl", "Keeps Brick Owl shops in step.", Config, serve)
