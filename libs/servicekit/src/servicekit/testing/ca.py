"""A certificate authority for tests and the development stack: elliptic-curve certificates for `servicekit.mtls`."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from servicekit.mtls import SPIFFE_PREFIX, TlsFiles


class TestAuthority:
    """An authority whose key and certificates live in one folder; one that is there already is opened."""

    __test__ = False  # the name is no test class

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self.ca_file = folder / "ca.pem"
        key_file = folder / "ca.key"
        if key_file.exists() and self.ca_file.exists():
            key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
            if not isinstance(key, ec.EllipticCurvePrivateKey):
                raise TypeError(f"{key_file} holds no elliptic-curve key")
            self._key = key
            self._certificate = x509.load_pem_x509_certificate(self.ca_file.read_bytes())
            return
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = self._self_signed()
        _write_key(key_file, self._key)
        _write(self.ca_file, self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue(
        self,
        service: str,
        *,
        uri: str | None = None,
        dns: str | None = None,
        expired: bool = False,
        valid_for: timedelta = timedelta(days=365),
        name: str | None = None,
    ) -> TlsFiles:
        """Issue a certificate and key for `service` into the folder, in files named `name` (the service if None).

        `uri` and `dns` replace the SANs `spiffe://brickops/<service>` and `<service>`; `expired` makes one that is no
        longer valid.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        end = now - timedelta(minutes=1) if expired else now + valid_for
        certificate = (
            self._builder(service, key.public_key(), start=now - timedelta(hours=1), end=end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName(
                    [
                        x509.UniformResourceIdentifier(uri or f"{SPIFFE_PREFIX}{service}"),
                        x509.DNSName(dns or service),
                    ]
                ),
                critical=False,
            )
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        files = TlsFiles(
            ca=self.ca_file,
            certificate=self._folder / f"{name or service}.pem",
            key=self._folder / f"{name or service}.key",
        )
        _write_key(files.key, key)
        _write(files.certificate, certificate.public_bytes(serialization.Encoding.PEM))
        return files

    def _self_signed(self) -> x509.Certificate:
        now = datetime.now(UTC)
        return (
            self._builder(
                "BrickOps CA", self._key.public_key(), start=now - timedelta(hours=1), end=now + timedelta(days=3650)
            )
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    def _builder(
        self, subject: str, key: ec.EllipticCurvePublicKey, *, start: datetime, end: datetime
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(_name(subject))
            .issuer_name(_name("BrickOps CA"))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _write(path, pem)


def _write(path: Path, content: bytes) -> None:
    """Replace a file whole, readable by its owner only: a server that reloads never sees half of it."""
    new = path.with_name(f"{path.name}.new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    new.replace(path)
