"""What tests of this service start from."""
