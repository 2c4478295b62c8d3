"""The OpenAPI document, as the library makes it, put right where our answers differ from its defaults."""

from typing import Any

import orjson

from console.api.problems import ProblemBody
from console.api.routes import FILE, KEY_HEADER

REF = "#/components/schemas/"


def finish(document: dict[str, Any]) -> bytes:
    """Problems have a schema of their own, definitions lie in one place, keys of repeats are parameters."""
    schemas = document["components"]["schemas"]
    for name in [one for one in schemas if one.startswith("ValidationErrorModel")]:
        del schemas[name]
    schemas[ProblemBody.__name__] = ProblemBody.model_json_schema(ref_template=REF + "{model}")
    for schema in list(schemas.values()):
        for name, definition in (schema.pop("$defs", None) or {}).items():
            schemas.setdefault(name, definition)
    for operations in document["paths"].values():
        for operation in operations.values():
            _show_example(operation, schemas)
            if example := operation.pop("x-raw", None):
                content = {kind: body | {"example": example} for kind, body in FILE.items()}
                operation["requestBody"] = {"required": True, "content": content}
            if operation.pop("x-idempotent", False):
                operation.setdefault("parameters", []).append(KEY_HEADER)
            operation["description"] = operation.get("description", "").replace("<br/>", "\n").strip()
    for schema in schemas.values():
        schema.pop("example", None)  # it stands with the requests now, of which several may have one shape
    return orjson.dumps(document)


def _show_example(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    for content in operation.get("requestBody", {}).get("content", {}).values():
        name = content["schema"]["$ref"].removeprefix(REF)
        if "example" in schemas[name]:
            content["example"] = schemas[name]["example"]
