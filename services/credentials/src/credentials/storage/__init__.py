"""The service's database: what is stored, what is only ever appended."""
