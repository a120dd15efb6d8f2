"""/v1/connections/{marketplace}/plan."""
