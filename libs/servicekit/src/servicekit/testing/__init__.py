"""What tests of a service need: a throw-away certificate authority and a clock that stands still."""
