"""The development authority, and one certificate for each service and one for devstack's own probes."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from servicekit.mtls import TlsFiles
from servicekit.testing.ca import TestAuthority

_VALID = timedelta(days=90)
_RENEWED_BEFORE_END = timedelta(days=30)


def certificates_folder(state: Path) -> Path:
    """Return where a state keeps them."""
    return state / "certificates"


def ensure_certificates(state: Path, services: Iterable[str]) -> dict[str, TlsFiles]:
    """Return a certificate for each service, all of this state's authority.

    What is missing, unusable or near its end is issued anew.
    """
    folder = certificates_folder(state)
    authority = TestAuthority(folder)
    ca = x509.load_pem_x509_certificate(authority.ca_file.read_bytes())
    files = {}
    for service in services:
        existing = TlsFiles(ca=authority.ca_file, certificate=folder / f"{service}.pem", key=folder / f"{service}.key")
        usable = _is_usable(existing, ca)
        files[service] = existing if usable else authority.issue(service, valid_for=_VALID)
    return files


def _is_usable(files: TlsFiles, ca: x509.Certificate) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
        key = serialization.load_pem_private_key(files.key.read_bytes(), password=None)
        certificate.verify_directly_issued_by(ca)
    except (OSError, ValueError, TypeError, InvalidSignature):  # missing, cut off, or of another authority
        return False
    # a start that was cut off may have left a new key beside the old certificate
    belongs = certificate.public_key() == key.public_key()
    return belongs and certificate.not_valid_after_utc - datetime.now(UTC) > _RENEWED_BEFORE_END
