"""What tests of the engine and of its adapters share."""
