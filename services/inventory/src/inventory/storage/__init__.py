"""The service's database: what is stored, and what is only ever appended."""
