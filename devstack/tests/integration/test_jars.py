"""Downloads are pinned: what is not the file it should be is never kept, and a download cut off is made good."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from devstack.jars import Jar, fetch
from devstack.problems import Problem

_JAR = Jar("org.example:bricks:1.0", hashlib.sha256(b"the jar").hexdigest())
_PATH = "/org/example/bricks/1.0/bricks-1.0.jar"


class _Registry:
    """A Maven registry on this machine; `files` is what it has."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.requests: list[str] = []


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Registry]:
    registry = _Registry()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            registry.requests.append(self.path)
            body = registry.files.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        settings = tmp_path / "jgo.conf"
        settings.write_text(f"[repositories]\nhere = http://127.0.0.1:{server.server_port}\n")
        monkeypatch.setenv("JGO_CONFIG_FILE", str(settings))
        yield registry
        server.shutdown()
        thread.join()


def test_a_jar_is_fetched_once(tmp_path: Path, registry: _Registry) -> None:
    registry.files[_PATH] = b"the jar"
    told: list[str] = []
    (path,) = fetch(tmp_path / "cache", [_JAR], report=told.append)
    assert path.read_bytes() == b"the jar"
    asked = len(registry.requests)
    assert asked > 0
    assert fetch(tmp_path / "cache", [_JAR], report=told.append) == [path]
    assert len(registry.requests) == asked
    assert told == ["fetching Apache Kafka, once: 1 jars"]


def test_another_file_under_the_same_name_is_refused(tmp_path: Path, registry: _Registry) -> None:
    registry.files[_PATH] = b"not the jar"
    with pytest.raises(Problem, match=r"bricks-1\.0\.jar as downloaded is not the file pinned"):
        fetch(tmp_path / "cache", [_JAR])
    assert list((tmp_path / "cache").rglob("*.jar")) == []


@pytest.mark.parametrize("where", ["bricks-1.0.jar", "maven/org/example/bricks/1.0/bricks-1.0.jar"])
def test_half_a_file_is_fetched_again(tmp_path: Path, registry: _Registry, where: str) -> None:
    """What a start that was killed while downloading leaves."""
    registry.files[_PATH] = b"the jar"
    half = tmp_path / "cache" / where
    half.parent.mkdir(parents=True)
    half.write_bytes(b"the j")
    (path,) = fetch(tmp_path / "cache", [_JAR])
    assert path.read_bytes() == b"the jar"
