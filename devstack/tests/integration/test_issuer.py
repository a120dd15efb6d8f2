"""Tokens are checked as the gateway checks them: with the key that the issuer publishes over HTTP."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from joserfc import jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import KeySet

from devstack.health import http_answers
from devstack.ports import free_port
from devstack.problems import Problem
from devstack.programs import Program, Running
from devstack.tokens import ensure_signing_key, sign_token


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def issuer_url(state: Path) -> Iterator[str]:
    port = free_port()
    jwks = str(ensure_signing_key(state))
    command = (sys.executable, "-m", "devstack.issuer", "--listen", f"127.0.0.1:{port}", "--jwks", jwks)
    check = http_answers(port, "/jwks.json")
    running = Running(Program(name="issuer", command=command, environment={}, folder=state, check=check, port=port))
    running.wait_ready()
    yield f"http://127.0.0.1:{port}"
    assert running.stop() == 0


def _published(issuer_url: str) -> KeySet:
    discovered = httpx.get(f"{issuer_url}/.well-known/openid-configuration").json()
    assert discovered["issuer"] == issuer_url
    return KeySet.import_key_set(httpx.get(discovered["jwks_uri"]).json())


def test_a_token_verifies_against_the_published_key(state: Path, issuer_url: str) -> None:
    token = sign_token(state, issuer_url=issuer_url, role="editor")
    verified = jwt.decode(token, _published(issuer_url), algorithms=["ES256"])
    claims = verified.claims
    assert (claims["iss"], claims["aud"], claims["role"]) == (issuer_url, "brickops", "editor")
    assert 12 * 3600 - 60 < claims["exp"] - time.time() <= 12 * 3600


def test_sellers_and_users_are_opaque_and_stay_the_same(state: Path, issuer_url: str) -> None:
    keys = _published(issuer_url)

    def claims_of(role: str, seller: str) -> dict[str, object]:
        return jwt.decode(sign_token(state, issuer_url=issuer_url, role=role, seller=seller), keys).claims

    first = claims_of("owner", "A")
    assert claims_of("owner", "A")["sub"] == first["sub"]
    assert claims_of("viewer", "A")["seller"] == first["seller"]
    assert claims_of("viewer", "A")["sub"] != first["sub"]
    assert claims_of("owner", "B")["seller"] != first["seller"]


def test_another_states_token_does_not_verify(tmp_path: Path, issuer_url: str) -> None:
    ensure_signing_key(tmp_path)
    forged = sign_token(tmp_path, issuer_url=issuer_url, role="owner")
    header, _, rest = forged.partition(".")
    assert header
    keys = list(_published(issuer_url).keys)
    with pytest.raises(BadSignatureError):
        jwt.decode(f"{header}.{rest}", keys[0])


def test_the_private_half_is_not_published(state: Path, issuer_url: str) -> None:
    published = httpx.get(f"{issuer_url}/jwks.json").json()["keys"]
    assert [sorted(key) for key in published] == [["alg", "crv", "kid", "kty", "use", "x", "y"]]
    assert (state / "issuer" / "signing-key.json").stat().st_mode & 0o777 == 0o600
    assert httpx.get(f"{issuer_url}/signing-key.json").status_code == 404


def test_a_token_before_any_start_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="make run"):
        sign_token(tmp_path, issuer_url="http://127.0.0.1:1", role="owner")
