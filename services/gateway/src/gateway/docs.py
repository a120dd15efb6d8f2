"""/docs: the OpenAPI document as a page of plain HTML, which needs no script and nothing from elsewhere."""

import json
import re
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup, escape

_TEMPLATES = Environment(
    loader=PackageLoader("gateway"), autoescape=select_autoescape(default=True), trim_blocks=True, lstrip_blocks=True
)

_CODE = re.compile("`([^`]+)`")

CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def render_docs(document: dict[str, Any]) -> str:
    """The page that shows an OpenAPI document."""
    operations = [
        {"method": method, "path": path, **operation}
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    return _TEMPLATES.get_template("docs.html").render(
        document=document,
        groups=[(tag, [one for one in operations if tag["name"] in one["tags"]]) for tag in document["tags"]],
        type_of=type_of,
        example_of=lambda content: _example_of(content, document["components"]["schemas"]),
        words_of=words_of,
        paragraphs_of=lambda text: [words_of(part) for part in text.strip().split("\n\n") if part],
    )


def words_of(text: str) -> Markup:
    """A description, with what stands in backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", escape(text)))  # noqa: S704  # escaped first


def type_of(schema: dict[str, Any]) -> Markup:
    """A schema in a few words; a reference becomes a link to its table."""
    if reference := schema.get("$ref"):
        name = str(reference).rsplit("/", 1)[-1]
        return Markup('<a href="#{0}">{0}</a>').format(name)
    if variants := schema.get("anyOf"):
        return Markup(" or ").join(type_of(variant) for variant in variants)
    if schema.get("type") == "array":
        return Markup("list of {}").format(type_of(schema["items"]))
    if isinstance(values := schema.get("additionalProperties"), dict):
        return Markup("object of {}").format(type_of(values))
    if words := schema.get("enum"):
        return Markup(" | ").join(Markup("<code>{}</code>").format(word) for word in words)
    return escape(" ".join(filter(None, (schema.get("type", "any value"), schema.get("format")))))


def _example_of(content: dict[str, Any], schemas: dict[str, Any]) -> str | None:
    """What a body looks like, if its media type or its schema shows an example."""
    name = str(content["schema"].get("$ref", "")).rsplit("/", 1)[-1]
    example = content.get("example", schemas.get(name, {}).get("example"))
    return json.dumps(example, indent=2) if isinstance(example, dict) else example
