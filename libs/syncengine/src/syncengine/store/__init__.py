"""Where the engine's rows are kept: a protocol, and PostgreSQL behind it."""
