"""The database's shape, step by step; shipped with the service and run by `sync_bricklink migrate`."""
