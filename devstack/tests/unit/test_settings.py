from dataclasses import fields
from pathlib import Path

import pytest

from devstack.problems import Problem
from devstack.settings import Settings, Surroundings, from_variables, variable_for
from devstack.state import CHECKOUT


def test_without_variables_everything_is_here() -> None:
    surroundings = Surroundings.of({"PATH": "/bin"})
    assert surroundings.folder == CHECKOUT / ".state"
    assert surroundings.cache == CHECKOUT / ".state" / "cache"
    assert (CHECKOUT / "requirements.lock").exists()
    assert surroundings.bricklink_api_url is None
    assert surroundings.brickowl_api_url is None


def test_another_state_keeps_the_same_downloads(tmp_path: Path) -> None:
    surroundings = Surroundings.of({"BRICKOPS_STATE": str(tmp_path)})
    assert surroundings.folder == tmp_path
    assert surroundings.cache == CHECKOUT / ".state" / "cache"


@pytest.mark.parametrize("field", [field.name for field in fields(Settings) if field.name.endswith("_port")])
def test_each_port_can_be_moved(field: str) -> None:
    assert getattr(from_variables({variable_for(field): "1234"}), field) == 1234


def test_a_misspelt_variable_is_named() -> None:
    with pytest.raises(Problem, match="BRICKOPS_GATWAY_PORT"):
        from_variables({"BRICKOPS_GATWAY_PORT": "1"})


def test_settings_show_no_password() -> None:
    assert "canary" not in repr(from_variables({"BRICKOPS_POSTGRES_URL": "postgresql://u:canary@h/d"}))
