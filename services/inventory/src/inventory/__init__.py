"""Owns lots, the change log, imports and which sales are counted."""

import servicekit  # noqa: F401 - before anything imports grpc: it leaves only TLS 1.3
