import re
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from gateway.app import Gateway
from gateway.bulk_edits.models import LotsToEdit
from gateway.connections.models import NewConnection
from gateway.imports.models import Confirmation
from gateway.lots.models import Adjustment, LotPatch, NewLot


def references(part: Any) -> set[str]:
    match part:
        case {"$ref": str(reference)}:
            return {reference}
        case dict():
            return set().union(*map(references, part.values()))
        case list():
            return set().union(*map(references, part))
    return set()


async def test_the_document_is_whole(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()

    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references(document) - known == set()


def test_each_operation_says_what_it_does_who_may_and_how_it_refuses(app: Gateway) -> None:
    for path, methods in app.openapi()["paths"].items():
        for operation in methods.values():
            assert operation["summary"]
            assert operation["description"]
            assert "422" not in operation["responses"]
            if path.startswith("/v1/"):
                assert "Roles: owner" in operation["description"]
                assert operation["security"] == [{"HTTPBearer": []}]
                assert {"400", "401", "403", "503"} <= set(operation["responses"])
                assert set(operation["responses"]["400"]["content"]) == {"application/problem+json"}


def test_each_field_of_a_body_is_explained(app: Gateway) -> None:
    schemas = app.openapi()["components"]["schemas"]

    for name in (
        *("NewLot", "LotPatch", "Adjustment", "NewConnection", "Confirmation", "RowChoice"),
        *("NewBulkEdit", "LotEdit", "PriceEdit"),
    ):
        for field in schemas[name]["properties"].values():
            assert field.get("description") or "$ref" in field, (name, field)


@pytest.mark.parametrize("model", [NewLot, LotPatch, Adjustment, NewConnection, Confirmation, LotsToEdit])
def test_the_examples_are_accepted(app: Gateway, model: type[BaseModel]) -> None:
    model.model_validate(app.openapi()["components"]["schemas"][model.__name__]["example"])


class Links(HTMLParser):
    """What a page has, and what it points to."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.targets: set[str] = set()
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        self.tags.add(tag)
        self.ids += [identifier] if (identifier := said.get("id")) else []
        self.targets |= {target for name in ("href", "src", "action") if (target := said.get(name))}


async def test_the_docs_page_needs_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    answer = await client.get("/docs")
    page = Links()
    page.feed(answer.text)

    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert page.tags & {"script", "link", "img", "iframe"} == set()
    assert {target for target in page.targets if not target.startswith("#")} == {"/openapi.json"}


async def test_the_docs_page_shows_each_operation_and_each_link_leads_somewhere(
    client: httpx.AsyncClient, app: Gateway
) -> None:
    page = Links()
    page.feed((await client.get("/docs")).text)

    names = {operation["operationId"] for path in app.openapi()["paths"].values() for operation in path.values()}
    assert names <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert {target[1:] for target in page.targets if target.startswith("#")} <= set(page.ids)


async def test_the_docs_page_shows_words_as_they_are(client: httpx.AsyncClient) -> None:
    text = (await client.get("/docs")).text

    assert "`" not in re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)
    assert "&lt;INVENTORY&gt;" in text
    assert "<INVENTORY>" not in text
