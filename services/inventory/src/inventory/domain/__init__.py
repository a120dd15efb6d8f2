"""What a lot is, what may be done to it, and which sales count: values and decisions, without I/O."""
