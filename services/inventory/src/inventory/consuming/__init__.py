"""What sync services tell this one: sales and results."""
