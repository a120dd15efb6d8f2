"""The key: one for each user, a parameter of every call, so it is in the URLs of reads (marketplaces/brickowl.md#1)."""

from dataclasses import dataclass, field

from brickops.credentials.v1.credentials_service_pb2 import LeaseCredentialResponse
from servicekit.logs import learn_secret


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopKeys:
    """What opens a shop. Its repr does not show it."""

    key: str = field(repr=False)


def keys_of(lease: LeaseCredentialResponse) -> ShopKeys:
    """Take the key out of a lease, and make it known to the log redactor."""
    learn_secret(lease.brickowl.key)
    return ShopKeys(key=lease.brickowl.key)
