"""Any module of the simulator can be the first that is imported."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2]


def name_of(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported(node):
    """What importing runs, as far as the text says; whether the last name is a module is seen later."""
    if isinstance(node, ast.Import):
        return {item.name for item in node.names}
    if isinstance(node, ast.ImportFrom) and node.module:
        return {node.module, *(f"{node.module}.{item.name}" for item in node.names)}
    return set()


def ancestors(name):
    parts = name.split(".")
    return {".".join(parts[:count]) for count in range(1, len(parts))}


def test_no_module_needs_itself_to_be_imported():
    """A package runs before each of its modules, so its __init__ counts, too."""
    modules = {name_of(path): ast.parse(path.read_text(encoding="utf-8")) for path in ROOT.glob("simulator/**/*.py")}
    needs = {}
    for name, tree in modules.items():
        direct = set().union(*(imported(node) for node in tree.body)) & modules.keys()
        needs[name] = (direct | set().union(*map(ancestors, direct))) - ancestors(name) - {name}
    assert list(TopologicalSorter(needs).static_order())
