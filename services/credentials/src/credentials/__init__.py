"""Owns the sellers' marketplace keys, encrypted, and their audit trail."""

import servicekit  # noqa: F401 - before anything imports grpc: it leaves only TLS 1.3
