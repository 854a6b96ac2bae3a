"""The package layout that ARCHITECTURE.md describes."""

import ast
from collections import Counter
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1] / "mockcvp"
MOST_LINES = 400
MOST_TOP_LEVEL = 12


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports() -> dict[str, set[str]]:
    """Return the modules that each module imports, type-only imports included."""
    modules = {name_of(path): path for path in ROOT.rglob("*.py")}
    return {name: set(imported(path, modules.keys())) for name, path in modules.items()}


def imported(path: Path, modules: Collection[str]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module in modules:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in modules else str(node.module)


def circles() -> list[list[str]]:
    """Return the import circles, by a depth-first search."""
    found: list[list[str]] = []
    done: set[str] = set()

    def visit(module: str, path: list[str]) -> None:
        if module in path:
            found.append([*path[path.index(module) :], module])
        elif module not in done:
            for other in sorted(imports()[module]):
                visit(other, [*path, module])
            done.add(module)

    for module in sorted(imports()):
        visit(module, [])
    return found


def test_no_import_circle_even_for_types() -> None:
    assert circles() == []


def test_no_module_is_too_long() -> None:
    lengths = {path.name: len(path.read_text("utf-8").splitlines()) for path in ROOT.rglob("*.py")}
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}


def test_the_package_has_few_top_level_modules() -> None:
    assert len(list(ROOT.glob("*.py"))) <= MOST_TOP_LEVEL


def test_module_names_are_unique() -> None:
    names = Counter(path.stem for path in ROOT.rglob("*.py") if path.stem != "__init__")
    assert [name for name, count in names.items() if count > 1] == []


def test_the_oamp_is_independent_of_the_mock_server() -> None:
    allowed = ("mockcvp.oamp", "mockcvp.messages", "mockcvp.text")
    for module, others in imports().items():
        if module.startswith("mockcvp.oamp"):
            assert [other for other in others if not other.startswith(allowed)] == [], module
