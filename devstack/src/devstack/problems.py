"""What can keep the stack from starting, in words for the person who typed `make run`."""


class Problem(Exception):  # noqa: N818 - not an error of the program: something a person puts right
    """One line that says what is wrong and what to do about it."""
