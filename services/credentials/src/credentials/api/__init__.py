"""The two gRPC faces: admin, where keys go in, and lease, the only way out."""
