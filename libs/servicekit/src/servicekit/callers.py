"""Who is calling: the service by its certificate, the seller and the user by metadata that only the gateway may set."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

SELLER_KEY = "x-brickops-seller"
ACTOR_KEY = "x-brickops-actor"
ROLE_KEY = "x-brickops-role"
CORRELATION_KEY = "x-brickops-correlation-id"
GATEWAY = "gateway"


class CallerNotAllowed(Exception):
    """This caller may not call this, or may not say what it said in its metadata."""


class RoleNotAllowed(Exception):
    """The user's role does not allow this."""


@dataclass(frozen=True)
class Caller:
    """A calling service and, if it is the gateway, the seller, the user (an opaque id) and the user's role."""

    service: str
    seller_id: str | None = None
    actor: str | None = None
    role: str | None = None
    certificate: str = ""
    """The SHA-256 of the caller's certificate, in hexadecimal digits: which of a service's certificates it was."""

    def require_seller(self) -> str:
        """The seller's id. Raises CallerNotAllowed when the call names none."""
        if not self.seller_id:
            raise CallerNotAllowed("This call must say for which seller it is.")
        return self.seller_id


_caller: ContextVar[Caller] = ContextVar("caller")


def current_caller() -> Caller:
    """The caller of the RPC that is being answered. Raises CallerNotAllowed outside of one."""
    try:
        return _caller.get()
    except LookupError:
        raise CallerNotAllowed("Nobody is calling.") from None


def require_role(*roles: str) -> Caller:
    """The caller, if its user has one of these roles (owner, editor, viewer). Raises RoleNotAllowed."""
    caller = current_caller()
    if caller.role not in roles:
        raise RoleNotAllowed(f"This needs the role {' or '.join(roles)}.")
    return caller


def set_caller(caller: Caller) -> None:
    """Set the caller for the rest of this task: for the server's interceptor."""
    _caller.set(caller)


@contextmanager
def calling_as(caller: Caller) -> Iterator[Caller]:
    """Run a block as if `caller` called: for tests of code that asks for `current_caller`."""
    token = _caller.set(caller)
    try:
        yield caller
    finally:
        _caller.reset(token)


def outgoing_metadata(
    *,
    seller_id: str | None = None,
    actor: str | None = None,
    role: str | None = None,
    correlation_id: str | None = None,
) -> tuple[tuple[str, str], ...]:
    """Call metadata that says for whom a call is; seller, actor and role are refused from anyone but the gateway."""
    given = ((SELLER_KEY, seller_id), (ACTOR_KEY, actor), (ROLE_KEY, role), (CORRELATION_KEY, correlation_id))
    return tuple((key, value) for key, value in given if value is not None)
