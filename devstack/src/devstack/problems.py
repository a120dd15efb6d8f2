"""What can keep the stack from starting, in words for the person who typed `make run`."""


class Problem(Exception):
    """One line that says what is wrong and what to do about it."""


class GivenUp(Problem):
    """Something was not waited for any longer because of another problem, or because a person stopped it all."""
