"""What the database holds, where no call tells."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine


async def rows(engine: AsyncEngine, query: str, **values: Any) -> Sequence[Any]:
    """Select rows."""
    async with engine.connect() as conn:
        return (await conn.execute(text(query), values)).all()
