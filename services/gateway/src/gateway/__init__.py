"""REST for frontends, gRPC to the services behind."""

import servicekit  # noqa: F401 - before anything imports grpc: it leaves only TLS 1.3
