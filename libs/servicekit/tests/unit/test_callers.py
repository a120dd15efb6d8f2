"""Who is calling, as code behind the interceptor asks for it."""

import pytest

from servicekit.callers import (
    Caller,
    CallerNotAllowed,
    RoleNotAllowed,
    calling_as,
    current_caller,
    outgoing_metadata,
    require_role,
)


def test_nobody_calls_outside_of_a_call() -> None:
    with pytest.raises(CallerNotAllowed):
        current_caller()


def test_a_test_can_say_who_calls() -> None:
    with calling_as(Caller("gateway", "s-1", "u-1", "editor")) as caller:
        assert current_caller() == caller
        assert require_role("owner", "editor").require_seller() == "s-1"
    with pytest.raises(CallerNotAllowed):
        current_caller()


@pytest.mark.parametrize("role", [None, "viewer", "Owner"])
def test_another_role_is_refused(role: str | None) -> None:
    with calling_as(Caller("gateway", "s-1", "u-1", role)), pytest.raises(RoleNotAllowed, match="owner or editor"):
        require_role("owner", "editor")


@pytest.mark.parametrize("seller", [None, ""])
def test_a_call_without_a_seller_is_refused_where_one_is_needed(seller: str | None) -> None:
    with pytest.raises(CallerNotAllowed):
        Caller("gateway", seller).require_seller()


def test_metadata_leaves_out_what_is_not_known() -> None:
    assert outgoing_metadata(seller_id="s-1", correlation_id="c-1") == (
        ("x-brickops-seller", "s-1"),
        ("x-brickops-correlation-id", "c-1"),
    )
