"""REST for frontends, gRPC to the services behind."""
