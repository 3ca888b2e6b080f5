"""`/docs`: the interface described on one page, written from the OpenAPI document, with nothing from elsewhere."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from web.render import render

router = APIRouter()
_METHODS = ("get", "post", "put", "patch", "delete")


@router.get("/docs", include_in_schema=False)
def docs(request: Request) -> HTMLResponse:
    """The reference of every address a program may use."""
    document = request.app.openapi()
    return render(request, "docs.html", title=document["info"]["title"], groups=_groups(document))


def _groups(document: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Operations by their tag, in the order they were added."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                tag = (methods[method].get("tags") or ["other"])[0]
                groups.setdefault(tag, []).append(_operation(document, path, method, methods[method]))
    return groups


def _operation(document: dict[str, Any], path: str, method: str, about: dict[str, Any]) -> dict[str, Any]:
    body = about.get("requestBody", {}).get("content", {})
    return {
        "method": method.upper(),
        "path": path,
        "description": about.get("description", ""),
        "parameters": [_parameter(one) for one in about.get("parameters", [])],
        "bodies": [(kind, _fields(document, content.get("schema", {}))) for kind, content in body.items()],
    }


def _parameter(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": one["name"],
        "place": one["in"],
        "required": one.get("required", False),
        "about": one.get("description", ""),
        "type": _type(one.get("schema", {})),
    }


def _fields(document: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The fields of a body, one level deep; of one that may be a list, those of an item."""
    schema = schema.get("oneOf", [schema])[0]
    name = schema.get("$ref", "").rsplit("/", 1)[-1]
    schema = document["components"]["schemas"][name] if name else schema
    required = schema.get("required", ())
    return [
        {"name": key, "required": key in required, "about": one.get("description", ""), "type": _type(one)}
        for key, one in schema.get("properties", {}).items()
    ]


def _type(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(str(one) for one in schema["enum"])
    kinds = [one.get("type", "") for one in schema.get("anyOf", [schema])]
    return " | ".join(kind for kind in kinds if kind and kind != "null")
