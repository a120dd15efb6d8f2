"""Mutual TLS: who a service is, and whom it believes.

A certificate's URI SAN `spiffe://brickops/<service>` says who calls; its one DNS SAN, `<service>`, says who answers.
Files are read again when they change, so a reissued certificate needs no restart.
"""

import hashlib
import ssl
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

SPIFFE_PREFIX = "spiffe://brickops/"


@dataclass(frozen=True, kw_only=True)
class TlsFiles:
    """PEM files: the authority we believe, our certificate, and its key."""

    ca: Path
    certificate: Path
    key: Path


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What the files held when they were last read whole."""

    ca: bytes
    certificate: bytes
    key: bytes

    @property
    def expires_at(self) -> datetime:
        """When the certificate ends. Raises ValueError if it is none."""
        return x509.load_pem_x509_certificate(self.certificate).not_valid_after_utc

    def fits(self) -> bool:
        """Whether the key is the certificate's: not while one of the two files was replaced and the other was not."""
        try:
            certificate = x509.load_pem_x509_certificate(self.certificate)
            return load_pem_private_key(self.key, password=None).public_key() == certificate.public_key()
        except (ValueError, TypeError):
            return False


class Reloaded:
    """The identity in some files as it is now; the last good one while they are unreadable or do not fit together."""

    def __init__(self, files: TlsFiles) -> None:
        """Raises OSError if they cannot be read at first."""
        self._files = files
        self._stamps = self._stamped()
        self._identity = self._read()

    def get(self) -> Identity:
        """The identity, read again if a file changed."""
        try:
            stamps = self._stamped()
            if stamps != self._stamps and (found := self._read()).fits():
                self._identity, self._stamps = found, stamps
        except OSError:
            pass
        return self._identity

    def _stamped(self) -> tuple[tuple[int, int, int], ...]:
        found = (path.stat() for path in (self._files.ca, self._files.certificate, self._files.key))
        return tuple((one.st_mtime_ns, one.st_ino, one.st_size) for one in found)

    def _read(self) -> Identity:
        return Identity(
            ca=self._files.ca.read_bytes(),
            certificate=self._files.certificate.read_bytes(),
            key=self._files.key.read_bytes(),
        )


@lru_cache(maxsize=64)
def fingerprint(pem: bytes) -> str:
    """The SHA-256 of a certificate in PEM, in hexadecimal digits, as `openssl x509 -fingerprint -sha256` has it."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.decode())).hexdigest()


def server_credentials(identity: Reloaded) -> grpc.ServerCredentials:
    """Credentials of a server that asks every client for a certificate of our authority, as they are at a handshake."""
    return grpc.dynamic_ssl_server_credentials(
        _server_configuration(identity.get()),
        lambda: _server_configuration(identity.get()),
        require_client_authentication=True,
    )


def channel_credentials(identity: Identity) -> grpc.ChannelCredentials:
    """Credentials of a channel; another identity needs another channel."""
    return grpc.ssl_channel_credentials(
        root_certificates=identity.ca, private_key=identity.key, certificate_chain=identity.certificate
    )


def _server_configuration(identity: Identity) -> grpc.ServerCertificateConfiguration:
    pair = (identity.key, identity.certificate)
    return grpc.ssl_server_certificate_configuration([pair], root_certificates=identity.ca)
