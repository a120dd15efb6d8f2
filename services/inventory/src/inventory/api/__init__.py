"""The gRPC face: requests in, answers out, refusals in one table."""
