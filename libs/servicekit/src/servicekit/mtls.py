"""Mutual TLS: who a service is, and whom it believes.

A certificate's URI SAN `spiffe://brickops/<service>` says who calls; its one DNS SAN, `<service>`, says who answers.
"""

import hashlib
import ssl
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import grpc

SPIFFE_PREFIX = "spiffe://brickops/"


@dataclass(frozen=True, kw_only=True)
class TlsFiles:
    """PEM files: the authority we believe, our certificate, and its key."""

    ca: Path
    certificate: Path
    key: Path


@lru_cache(maxsize=64)
def fingerprint(pem: bytes) -> str:
    """The SHA-256 of a certificate in PEM, in hexadecimal digits, as `openssl x509 -fingerprint -sha256` has it."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.decode())).hexdigest()


def server_credentials(files: TlsFiles) -> grpc.ServerCredentials:
    """Credentials of a server that asks every client for a certificate of our authority.

    The files are read again for every handshake, so a reissued certificate needs no restart; while they are unreadable
    or do not fit together, those read first are used. Raises OSError if they cannot be read at first.
    """
    first = _server_configuration(files)

    def reload() -> grpc.ServerCertificateConfiguration:
        try:
            return _server_configuration(files)
        except OSError:
            return first

    return grpc.dynamic_ssl_server_credentials(first, reload, require_client_authentication=True)


def channel_credentials(files: TlsFiles) -> grpc.ChannelCredentials:
    """Credentials of a client; read once, so a new channel is needed after a reissue. Raises OSError."""
    return grpc.ssl_channel_credentials(
        root_certificates=files.ca.read_bytes(),
        private_key=files.key.read_bytes(),
        certificate_chain=files.certificate.read_bytes(),
    )


def _server_configuration(files: TlsFiles) -> grpc.ServerCertificateConfiguration:
    pair = (files.key.read_bytes(), files.certificate.read_bytes())
    return grpc.ssl_server_certificate_configuration([pair], root_certificates=files.ca.read_bytes())
