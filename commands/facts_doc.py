"""Writes docs/facts.md from the code: python -m commands.facts_doc, or `make facts`."""

import importlib.util
import pkgutil
import re
import sys
import types
import typing
from dataclasses import fields
from datetime import datetime
from inspect import cleandoc
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, NewType, Union, get_args, get_origin, get_type_hints

import services
from services.notices.plan import REACTIONS
from services.planning import FACTS, Fact

PLACE = Path(__file__).resolve().parents[1] / "docs" / "facts.md"

MARK = "<!-- What follows is made from the code by `make facts`. -->\n"
"""Before it the page is written by hand."""


def facts() -> list[type[Fact]]:
    """Every fact there is, in the order of this page."""
    for package in pkgutil.iter_modules(services.__path__):
        if package.ispkg and importlib.util.find_spec(f"services.{package.name}.model"):
            importlib.import_module(f"services.{package.name}.model")
    return sorted(FACTS.values(), key=lambda one: (one.SUBJECT[0], one.TYPE))


def meaning(fact: type[Fact]) -> str | None:
    """The class's own docstring, on one line; None when it has none."""
    told = fact.__dict__.get("__doc__") or ""
    if not told or told.startswith(f"{fact.__name__}("):  # what a dataclass says of itself
        return None
    return re.sub(r"\s+", " ", cleandoc(told))


def render(page: str) -> str:
    """The page with its generated part as the code has it."""
    by_hand, _, _ = page.partition(MARK)
    parts = [by_hand + MARK]
    for subject, found in groupby(facts(), key=lambda one: one.SUBJECT[0]):
        parts.append(f"## {subject.replace('_', ' ')}\n\n| fact | means | payload |\n|---|---|---|")
        parts += [_row(fact) for fact in found]
        parts.append("")
    return "\n".join(parts)


def _row(fact: type[Fact]) -> str:
    hints = get_type_hints(fact)
    named = [one.name for one in fields(fact) if one.name != "occurred_at"]
    payload = ", ".join(f"`{name}` {_type(hints[name])}" for name in named)
    version = "" if fact.VERSION == 1 else f", version {fact.VERSION}"
    told = f"{meaning(fact) or ''} {'Somebody is told.' if fact in REACTIONS else ''} {_subject(fact)}"
    return f"| `{fact.TYPE}`{version} | {' '.join(told.split())} | {payload} |"


def _subject(fact: type[Fact]) -> str:
    """Said only where it is not the field with the kind's key."""
    owner = next(parent for parent in fact.__mro__ if "subject" in parent.__dict__)
    return "" if owner is Fact else f"{meaning(owner)}"


NAMES: dict[Any, str] = {str: "text", int: "number", bool: "yes/no", datetime: "time", float: "number", object: "any"}


def _type(hint: Any) -> str:
    """A type in words."""
    if isinstance(hint, NewType):
        return _type(hint.__supertype__)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        told = [_type(one) for one in arguments if one is not types.NoneType]
        return " or ".join(told) + (" or null" if types.NoneType in arguments else "")
    if origin is Literal:
        return "/".join(f"`{one}`" for one in arguments)
    if origin in (tuple, list, typing.Sequence) and arguments:
        return f"list of {_type(arguments[0])}"
    if isinstance(hint, type) and issubclass(hint, str):
        return "text"
    return NAMES.get(hint, str(hint))


if __name__ == "__main__":
    PLACE.write_text(render(PLACE.read_text()))
    sys.stdout.write(f"{PLACE.name}: {len(facts())} facts\n")
