"""Runs the migrations (Alembic looks for this module by its name)."""

from servicekit.postgres import run_migrations

run_migrations()
