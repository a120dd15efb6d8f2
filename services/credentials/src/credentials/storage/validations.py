"""The validations table: the last test of each seller's keys."""

from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from credentials.domain.validation import Validation
from credentials.storage.tables import VALIDATIONS


class Validations:
    """Rows of one transaction."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def find(self, seller_id: str, marketplace: str, key_version: int) -> Validation | None:
        """The last test of this version of the keys; None if it never was."""
        query = select(VALIDATIONS).where(
            VALIDATIONS.c.seller_id == seller_id,
            VALIDATIONS.c.marketplace == marketplace,
            VALIDATIONS.c.key_version == key_version,
        )
        row = (await self._conn.execute(query)).one_or_none()
        return None if row is None else Validation(**row._asdict())

    async def record(self, validation: Validation) -> None:
        """Keeps it in place of an older one."""
        values = {
            "key_version": validation.key_version,
            "validated_at": validation.validated_at,
            "result": validation.result,
        }
        new = insert(VALIDATIONS).values(seller_id=validation.seller_id, marketplace=validation.marketplace, **values)
        place = (VALIDATIONS.c.key_version, VALIDATIONS.c.validated_at)
        is_newer = tuple_(*place) < tuple_(new.excluded.key_version, new.excluded.validated_at)
        await self._conn.execute(
            new.on_conflict_do_update(index_elements=["seller_id", "marketplace"], set_=values, where=is_newer)
        )
