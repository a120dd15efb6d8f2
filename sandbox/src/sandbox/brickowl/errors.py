"""What a shop answers when it does not do what was asked: `marketplaces/brickowl.md` section 1.1."""

from sandbox.model.errors import Refusal

KEY_REFUSED = "Invalid key"


class ShopError(Refusal):
    """A refusal in Brick Owl's form: an HTTP status, and a text."""

    def __init__(self, code: int, status: str, *, retry_after: int | None = None) -> None:
        super().__init__(code, status, status, retry_after=retry_after)


def missing(parameter: str) -> ShopError:
    """Say that a required parameter is not there."""
    return ShopError(400, f"Missing parameter {parameter}")


def invalid(parameter: str, why: str = "") -> ShopError:
    """Say that a parameter was read, and breaks a rule."""
    return ShopError(400, f"Invalid {parameter}{why and ': '}{why}")


def invalid_key() -> ShopError:
    """Say that the key opens no shop."""
    return ShopError(403, KEY_REFUSED)


def no_right(area: str) -> ShopError:
    """Say that the key lacks the right to an area."""
    return ShopError(403, f"Your key has no permission for {area}")


def not_found(code: int, what: str) -> ShopError:
    """Say that a lot or an order does not exist; with which status is a switch."""
    return ShopError(code, f"{what} not found")


def unknown_item() -> ShopError:
    """Say that the catalogue has no such BOID."""
    return ShopError(404, "Invalid BOID")


def retired(boid: str) -> ShopError:
    """Say that the catalogue entry or its colour goes away (gotcha 9)."""
    return ShopError(400, f"{boid} is scheduled for deletion")
