"""What tests of the gateway need: an issuer of tokens, and services behind that keep their contract."""
