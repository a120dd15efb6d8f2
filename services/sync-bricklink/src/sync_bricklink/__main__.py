"""`python -m sync_bricklink serve | migrate`: settings come from the environment, as `SYNC_BRICKLINK_...`."""

from sync_bricklink.auth import keys_of
from sync_bricklink.client import MAX_CONNECTIONS, BrickLink
from sync_bricklink.config import Config
from sync_bricklink.listing import facts, lot_of
from sync_bricklink.lot_fields import lot_fields_of
from syncengine.service.flags import Flags
from syncengine.service.main import main
from syncengine.service.run import run


async def serve(config: Config, flags: Flags) -> None:
    """Keep shops in step until a signal."""
    bricklink = facts(config.calls_per_day)
    await run(
        config,
        keys_of=keys_of,
        shop_of=lambda http, keys: BrickLink(http, keys, bricklink),
        facts=bricklink,
        lot_of=lot_of,
        lot_fields_of=lot_fields_of,
        connections=MAX_CONNECTIONS,
        flags=flags,
    )


if __name__ == "__main__":
    main("bricklink", "Keeps BrickLink shops in step.", Config, serve)
