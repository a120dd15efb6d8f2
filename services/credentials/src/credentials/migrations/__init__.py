"""The database's history; `python -m credentials migrate` brings a database to its end."""
