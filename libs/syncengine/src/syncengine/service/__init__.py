"""What runs the engine in a service: only here tasks are started, waits are waited and the time is asked for."""
