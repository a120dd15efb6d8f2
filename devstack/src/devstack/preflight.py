"""What is looked at before anything starts, so that trouble is said at once and in one line."""

import time
from collections.abc import Callable

from devstack import kafka, postgres
from devstack.ports import require_free
from devstack.problems import Problem
from devstack.services import BRICKOWL_SANDBOX, ORDER, SANDBOX, port_field
from devstack.settings import Surroundings, variable_for
from devstack.state import require_space

_GIVEN_ANSWERS_WITHIN = 5  # seconds: whoever started it may have done so just now


def check(surroundings: Surroundings) -> None:
    """Raise the first `Problem` that would keep the product from starting."""
    require_space(surroundings.folder)
    settings = surroundings.settings
    elsewhere = started_elsewhere(surroundings)
    for name in ORDER:
        if name not in elsewhere:
            field = port_field(name)
            require_free(getattr(settings, field), name, variable_for(field))
    require_free(settings.pings_port, "the gateway's door for pings", variable_for("pings_port"))
    if "kafka" not in elsewhere:
        require_free(settings.kafka_controller_port, "kafka's controller", variable_for("kafka_controller_port"))
    if url := settings.postgres_url:
        postgres.require_password(url)
        _await("PostgreSQL", "BRICKOPS_POSTGRES_URL", lambda: postgres.answers(url))
    if bootstrap := settings.kafka:
        _await("Kafka", "BRICKOPS_KAFKA", lambda: kafka.answers(bootstrap, settings.kafka_security_file))


def started_elsewhere(surroundings: Surroundings) -> set[str]:
    """Name the programs that need no start here, because the environment names others."""
    given = {
        "postgres": surroundings.settings.postgres_url,
        "kafka": surroundings.settings.kafka,
        SANDBOX: surroundings.bricklink_api_url,
        BRICKOWL_SANDBOX: surroundings.brickowl_api_url,
    }
    return {name for name, where in given.items() if where}


def _await(what: str, variable: str, answers: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _GIVEN_ANSWERS_WITHIN
    while not answers():
        if time.monotonic() > deadline:
            raise Problem(
                f"no {what} takes the connection that {variable} describes: start it, or unset {variable} to have one "
                "started here"
            )
        time.sleep(0.2)
