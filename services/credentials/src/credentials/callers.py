"""Who may call what, by the name in the certificate (`spiffe://brickops/<name>`): the whole of it, in one place.

| who | `CredentialsAdminService` | `CredentialsService` |
|---|---|---|
| gateway | yes, for the seller, user and role that it names | refused, in the lease log |
| sync-bricklink | refused | leases `bricklink`; anything else is refused, in the lease log |
| sync-brickowl | refused | leases `brickowl`; anything else is refused, in the lease log |
| credentials, devstack, inventory | refused | refused, in the lease log |
| any other name of our authority | refused | refused |
| no certificate, another authority, expired | no connection | no connection |

Health is open to every certificate of our authority. What is refused at the door is a line in the process's log.
"""

from collections.abc import Mapping
from typing import Final

from credentials.domain.marketplaces import BRICKLINK, BRICKOWL

LEASES: Final[Mapping[str, str]] = {"sync-bricklink": BRICKLINK, "sync-brickowl": BRICKOWL}
"""The one marketplace whose keys each sync service may lease."""

_OF_THE_HOUSE: Final = frozenset({*LEASES, "credentials", "devstack", "gateway", "inventory"})

ALLOWED: Final[Mapping[str, frozenset[str]]] = {
    "brickops.credentials.v1.CredentialsAdminService": frozenset({"gateway"}),
    # Every service of the house gets as far as the lease face: a refusal must be in the lease log.
    "brickops.credentials.v1.CredentialsService": _OF_THE_HOUSE,
}
"""Who gets as far as each gRPC service."""
