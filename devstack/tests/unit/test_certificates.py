from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from devstack.certificates import certificates_folder, ensure_certificates
from servicekit.testing.ca import TestAuthority


def _read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_a_certificate_names_its_service_and_nothing_else(tmp_path: Path) -> None:
    """One DNS SAN for who answers, one URI SAN for who calls; no localhost, or any service passes for any other."""
    files = ensure_certificates(tmp_path, ["sync-bricklink"])["sync-bricklink"]
    certificate = _read(files.certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["sync-bricklink"]
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["spiffe://brickops/sync-bricklink"]
    assert len(list(names)) == 2
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(usage) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    assert isinstance(certificate.public_key(), ec.EllipticCurvePublicKey)
    certificate.verify_directly_issued_by(_read(files.ca))
    assert certificate.not_valid_after_utc < datetime.now(UTC) + timedelta(days=91)


def test_keys_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    ensure_certificates(tmp_path, ["gateway"])
    modes = {key.name: key.stat().st_mode & 0o777 for key in certificates_folder(tmp_path).glob("*.key")}
    assert modes == {"ca.key": 0o600, "gateway.key": 0o600}


def test_a_second_start_finds_the_same_certificates(tmp_path: Path) -> None:
    first = ensure_certificates(tmp_path, ["gateway", "inventory"])
    before = {name: files.certificate.read_bytes() for name, files in first.items()}
    again = ensure_certificates(tmp_path, ["gateway", "inventory"])
    assert {name: files.certificate.read_bytes() for name, files in again.items()} == before


def test_a_certificate_near_its_end_is_renewed(tmp_path: Path) -> None:
    old = TestAuthority(certificates_folder(tmp_path)).issue("gateway", valid_for=timedelta(days=29))
    before = _read(old.certificate)
    after = _read(ensure_certificates(tmp_path, ["gateway"])["gateway"].certificate)
    assert after.serial_number != before.serial_number
    assert after.not_valid_after_utc > before.not_valid_after_utc


def test_a_new_key_beside_an_old_certificate_is_replaced_whole(tmp_path: Path) -> None:
    """What a start that was cut off between the two files leaves."""
    files = ensure_certificates(tmp_path, ["gateway", "inventory"])
    files["gateway"].key.write_bytes(files["inventory"].key.read_bytes())
    before = _read(files["gateway"].certificate)
    assert (
        _read(ensure_certificates(tmp_path, ["gateway"])["gateway"].certificate).serial_number != before.serial_number
    )


def test_a_certificate_of_another_authority_is_replaced(tmp_path: Path) -> None:
    files = ensure_certificates(tmp_path / "ours", ["gateway"])["gateway"]
    others = ensure_certificates(tmp_path / "theirs", ["gateway"])["gateway"]
    files.certificate.write_bytes(others.certificate.read_bytes())
    files.key.write_bytes(others.key.read_bytes())
    renewed = ensure_certificates(tmp_path / "ours", ["gateway"])["gateway"]
    _read(renewed.certificate).verify_directly_issued_by(_read(files.ca))
