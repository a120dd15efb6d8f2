"""What a shop answers when it does not do what was asked: `marketplaces/bricklink.md` section 1.2."""

from sandbox.model.errors import Refusal


class ShopError(Refusal):
    """A refusal in BrickLink's words: the envelope's code, its constant message, and the free description."""

    def __init__(self, code: int, message: str, description: str) -> None:
        super().__init__(code, f"{message}: {description}", description)
        self.message = message


def missing(parameter: str) -> ShopError:
    """Say that a required field is not there."""
    return ShopError(400, "PARAMETER_MISSING_OR_INVALID", f"Parameter [{parameter}] is missing")


def invalid(parameter: str, why: str = "is invalid") -> ShopError:
    """Say that a field was read, and breaks a rule."""
    return ShopError(400, "PARAMETER_MISSING_OR_INVALID", f"Parameter [{parameter}] {why}")


def unparseable(field: str) -> ShopError:
    """Say that a field is unknown (`[item.categoryID.]`) or cannot be read (`item.type`)."""
    return ShopError(400, "PARAMETER_MISSING_OR_INVALID", f"Unparseable value or field: {field}")


def bad_oauth(description: str) -> ShopError:
    """Say what is wrong with the OAuth parameters."""
    return ShopError(401, "BAD_OAUTH_REQUEST", description)


def not_found(what: str) -> ShopError:
    """Say that a lot, an order or a path does not exist."""
    return ShopError(404, "RESOURCE_NOT_FOUND", what)
