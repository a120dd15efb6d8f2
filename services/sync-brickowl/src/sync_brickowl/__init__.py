"""Keeps Brick Owl shops in step: the adapter over the sync engine."""

import servicekit  # noqa: F401 - before anything imports grpc: it leaves only TLS 1.3
