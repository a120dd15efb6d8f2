"""Envelope encryption: a data key for every record version, wrapped by a key-encryption key from a keyring."""
