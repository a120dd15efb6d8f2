"""The credentials table: one row per seller and marketplace, holding the newest keys or none."""

from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from credentials.crypto.envelope import Ciphertext, WrappedKey
from credentials.domain.credential import Credential, Shop
from credentials.domain.errors import CredentialNotFound
from credentials.storage.tables import CREDENTIALS


class Credentials:
    """Rows of one transaction."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def find(self, seller_id: str, marketplace: str) -> Credential | None:
        """The credential, with keys or revoked; None if there never were any."""
        row = (await self._conn.execute(_one(seller_id, marketplace))).one_or_none()
        return None if row is None else _credential(row)

    async def lock_sealed(
        self, seller_id: str, marketplace: str, *, to_change: bool = False
    ) -> tuple[Credential, Ciphertext]:
        """The credential and its sealed keys; raises CredentialNotFound where there are none.

        Nobody changes it before this transaction ends; unless it is locked to be changed, others may lease meanwhile.
        """
        query = _one(seller_id, marketplace).with_for_update(read=not to_change)
        row = (await self._conn.execute(query)).one_or_none()
        if row is None or not row.enabled:
            raise CredentialNotFound(marketplace)
        data_key = WrappedKey(key_id=row.kek_id, wrapped=row.wrapped_data_key)
        return _credential(row), Ciphertext(data_key=data_key, nonce=row.nonce, sealed=row.sealed_keys)

    async def save(self, credential: Credential, ciphertext: Ciphertext | None) -> None:
        """Writes the row. Without a ciphertext, the sealed keys that were there are destroyed."""
        values = {
            "key_version": credential.key_version,
            "seq": credential.seq,
            "enabled": credential.enabled,
            "shop_name": credential.shop.name,
            "currency_code": credential.shop.currency_code,
            "shop_is_empty": credential.shop.is_empty,
            "connected_at": credential.connected_at,
            "updated_at": credential.updated_at,
            "updated_by": credential.updated_by,
            "kek_id": ciphertext.data_key.key_id if ciphertext else None,
            "wrapped_data_key": ciphertext.data_key.wrapped if ciphertext else None,
            "nonce": ciphertext.nonce if ciphertext else None,
            "sealed_keys": ciphertext.sealed if ciphertext else None,
        }
        new = insert(CREDENTIALS).values(seller_id=credential.seller_id, marketplace=credential.marketplace, **values)
        await self._conn.execute(new.on_conflict_do_update(index_elements=["seller_id", "marketplace"], set_=values))


def _one(seller_id: str, marketplace: str) -> Select[Any]:
    return select(CREDENTIALS).where(CREDENTIALS.c.seller_id == seller_id, CREDENTIALS.c.marketplace == marketplace)


def _credential(row: Row[Any]) -> Credential:
    return Credential(
        seller_id=row.seller_id,
        marketplace=row.marketplace,
        key_version=row.key_version,
        seq=row.seq,
        enabled=row.enabled,
        shop=Shop(name=row.shop_name, currency_code=row.currency_code, is_empty=row.shop_is_empty),
        connected_at=row.connected_at,
        updated_at=row.updated_at,
        updated_by=row.updated_by,
    )
