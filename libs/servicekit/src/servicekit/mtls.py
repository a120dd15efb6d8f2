"""Mutual TLS: who a service is, and whom it believes.

A certificate's URI SAN `spiffe://brickops/<service>` says who calls; its one DNS SAN, `<service>`, says who answers.
Files are read again when they change, so a reissued certificate needs no restart.
"""

import hashlib
import logging
import ssl
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

logger = logging.getLogger(__name__)

SPIFFE_PREFIX = "spiffe://brickops/"
_BEGIN, _END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"


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

    def misfit(self, files: TlsFiles) -> str | None:
        """What keeps it from being used, naming the file that it was read from; None if nothing does.

        Not whole is a file that somebody is still writing; files do not fit while one was replaced and another was not.
        """
        try:
            authorities = _certificates(self.ca)
        except ValueError:
            return f"{files.ca} holds no whole certificates"
        try:
            chain = _certificates(self.certificate)
        except ValueError:
            return f"{files.certificate} holds no whole certificate"
        try:
            key = load_pem_private_key(self.key, password=None).public_key()
        except (ValueError, TypeError):
            return f"{files.key} holds no whole private key"
        if key != chain[0].public_key():
            return f"{files.key} is not the key of {files.certificate}"
        if not _leads_to(authorities, chain):
            return f"{files.certificate} is not of an authority in {files.ca}"
        return None


def _certificates(pem: bytes) -> list[x509.Certificate]:
    """Every certificate in a file, one at least; the parser alone takes what is cut off for text between them."""
    found = x509.load_pem_x509_certificates(pem)
    if not len(found) == pem.count(_BEGIN) == pem.count(_END) or pem.rpartition(_END)[2].strip():
        raise ValueError("cut off")
    return found


def _leads_to(authorities: list[x509.Certificate], chain: list[x509.Certificate]) -> bool:
    """Whether each certificate signed the one before it, and one of the authorities the last."""
    issued_by_next = all(_issued(issuer, one) for one, issuer in pairwise(chain))
    return issued_by_next and any(_issued(authority, chain[-1]) for authority in authorities)


def _issued(issuer: x509.Certificate, one: x509.Certificate) -> bool:
    try:
        one.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


class Reloaded:
    """The identity in some files as it is now; the last good one while they are unreadable or do not fit together."""

    def __init__(self, files: TlsFiles) -> None:
        """Raises OSError if they cannot be read at first. What does not fit then is in the log."""
        self._files = files
        self._stamps = self._stamped()
        self._identity = self._read()
        self._refused = self._identity.misfit(files)
        if self._refused is not None:
            logger.error("our certificate cannot be used", extra={"because": self._refused})

    def get(self) -> Identity:
        """The identity, read again if a file changed; why a change is not taken is said in the log, once."""
        try:
            stamps = self._stamped()
            if stamps != self._stamps:
                found = self._read()
                refused = found.misfit(self._files)
                if refused is None:
                    self._identity, self._stamps = found, stamps
                elif refused != self._refused:
                    logger.error("changed certificate files are not taken", extra={"because": refused})
                self._refused = refused
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
