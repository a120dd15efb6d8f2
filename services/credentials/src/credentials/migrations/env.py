"""Alembic's entry point."""

from servicekit.postgres import run_migrations

run_migrations()
