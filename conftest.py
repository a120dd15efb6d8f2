"""Every test of the repository may ask for real servers; they start once a session."""

pytest_plugins = ["devstack.pytest_plugin", "sandbox.pytest_plugin"]
