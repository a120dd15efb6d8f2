"""How any BrickOps service runs: config, logs, mTLS gRPC, PostgreSQL, outbox and consumer."""
