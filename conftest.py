"""Every test of the repository may ask for real servers; they start once a session."""

from hypothesis import settings

pytest_plugins = ["devstack.pytest_plugin", "sandbox.pytest_plugin"]

# How long an example takes says more about the machine than about the code.
settings.register_profile("brickops", deadline=None)
settings.load_profile("brickops")
