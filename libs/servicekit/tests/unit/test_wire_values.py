"""Plain values come back over the wire as they were."""

import pytest

from servicekit.wire_values import Plain, value_of_proto, value_to_proto


@pytest.mark.parametrize("value", [None, True, False, 0, -3, 2**40, "", "0.1000"])
def test_a_value_comes_back_as_it_was(value: Plain) -> None:
    back = value_of_proto(value_to_proto(value))
    assert (back, type(back)) == (value, type(value))
