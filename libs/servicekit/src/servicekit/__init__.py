"""How any BrickOps service runs: config, logs, mTLS gRPC, PostgreSQL, outbox and consumer. It knows no lot."""

import os
import sys

# gRPC's core reads these when it is imported. Our certificates are elliptic-curve ones, so with an RSA suite as the
# only one for TLS 1.2 no handshake below TLS 1.3 can succeed (Python's gRPC has no setting for a minimum version).
# Where grpc was imported first it comes too late: then the server's interceptor refuses every such call instead.
TLS_1_3_ONLY = "grpc" not in sys.modules or "GRPC_SSL_CIPHER_SUITES" in os.environ
os.environ["GRPC_SSL_CIPHER_SUITES"] = "ECDHE-RSA-AES256-GCM-SHA384"
# The core writes plain lines to stderr for every refused handshake; what matters is logged by servicekit, as JSON.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
