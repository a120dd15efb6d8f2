"""What the models of all shops have in common. Pure: no I/O, no clock."""
