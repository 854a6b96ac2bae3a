"""The page of the Python API, from the docstrings."""

import re
from collections.abc import Iterator
from typing import Any

import griffe

_PAGE = """\
# Python API

With this page, you find each class, method and fixture that a test in Python can use.

[Python](../guides/python.md) shows how a test uses them.
"""

# The heading, the sentence below it, the path of the object, and the members; None for every public one.
_ENTRIES: tuple[tuple[str, str, str, tuple[str, ...] | None], ...] = (
    (
        "Fixtures",
        "pytest finds them by itself.",
        "testing.pytest_plugin",
        ("mock_cvp", "mock_cvp_server", "mock_cvp_settings"),
    ),
    ("MockCVP", "Import it with `from mockcvp import MockCVP`.", "testing.mock_cvp.MockCVP", None),
    ("Call", "`MockCVP.calls` and `MockCVP.wait_for_calls` return calls.", "journal.Call", None),
    ("Synchronization", "`MockCVP.synchronizations` returns them.", "testing.synchronizations.Synchronization", None),
    ("SynchronizedServer", "", "testing.synchronizations.SynchronizedServer", None),
    (
        "WantedCall",
        "The keyword arguments of `assert_called`, `assert_not_called` and `wait_for_calls`.",
        "testing.assertions.WantedCall",
        None,
    ),
    ("Clock", "`MockCVP.clock` is the clock of the sync-ups.", "clock.Clock", None),
    (
        "Fault",
        "Import it with `from mockcvp import Fault`. `MockCVP.drop_next` takes one.",
        "stubs.response.Fault",
        None,
    ),
    (
        "create_app",
        "Import it with `from mockcvp import create_app`. [Extending](../guides/extending.md) shows its use.",
        "app.create_app",
        None,
    ),
    (
        "Settings",
        "Import it with `from mockcvp import Settings`. [Options](options.md) has its fields in tables.",
        "settings.Settings",
        ("at_start", "from_environment"),
    ),
)
_UNSHOWN_PARAMETERS = ("self", "cls")
_SECTIONS = {"returns": "Returns", "yields": "Yields"}


def python_api() -> str:
    """Return the page."""
    return re.sub(r"\n{3,}", "\n\n", "\n".join(_lines()))


def _lines() -> Iterator[str]:
    package = griffe.load("mockcvp", docstring_parser="google", resolve_aliases=True)
    yield _PAGE
    for title, sentence, path, members in _ENTRIES:
        found = package[path]
        yield f"\n## {title}\n"
        if sentence:
            yield f"{sentence}\n"
        if not found.is_module:
            yield from _described(found)
        names = members or [name for name in found.members if not name.startswith("_")]
        shown = [found[name] for name in names if members or _is_shown(found[name])]
        plain = [one for one in shown if one.is_attribute and not one.docstring]
        for one in plain:
            yield f"- `{one.name}`{_annotation(one)}{_value(one)}"
        for one in shown:
            if one not in plain:
                yield f"\n### `{one.name}`\n"
                yield from _described(one)
    yield ""


def _is_shown(found: Any) -> bool:
    if found.is_alias or not (found.is_function or found.is_attribute):
        return False
    # The docstring of the class describes these.
    described = any(
        found.name in (item.name for item in section.value)
        for section in (found.parent.docstring.parsed if found.parent.docstring else ())
        if section.kind.value == "attributes"
    )
    return not described


def _described(found: Any) -> Iterator[str]:
    if found.is_function:
        yield f"`{_signature(found)}`\n"
    elif found.is_attribute:
        yield f"`{found.name}{_annotation(found, quoted='')}`\n"
    for section in found.docstring.parsed if found.docstring else ():
        kind = section.kind.value
        if kind == "text":
            yield f"{_prose(section.value)}\n"
        elif kind in ("parameters", "attributes"):
            yield from (f"- `{item.name}`: {_prose(item.description)}" for item in section.value)
            yield ""
        elif kind == "raises":
            yield from (f"- Raises `{item.annotation}`: {_prose(item.description)}" for item in section.value)
            yield ""
        elif kind in _SECTIONS:
            yield from (f"{_SECTIONS[kind]}: {_prose(item.description)}\n" for item in section.value)
        else:
            raise ValueError(f"{found.path}: the page cannot show {kind}")


def _signature(found: Any) -> str:
    parts: list[str] = []
    for parameter in found.parameters:
        if parameter.name in _UNSHOWN_PARAMETERS:
            continue
        kind = parameter.kind.value if parameter.kind else ""
        stars = {"variadic positional": "*", "variadic keyword": "**"}.get(kind, "")
        if kind == "keyword-only" and not any(part.startswith("*") for part in parts):
            parts.append("*")
        type_ = f": {parameter.annotation}" if parameter.annotation is not None else ""
        default = f" = {parameter.default}" if parameter.default is not None and not stars else ""
        parts.append(f"{stars}{parameter.name}{type_}{default}")
    returned = f" -> {found.returns}" if found.returns is not None else ""
    return f"{found.name}({', '.join(parts)}){returned}".replace("'", "")


def _annotation(found: Any, quoted: str = "`") -> str:
    return f": {quoted}{found.annotation}{quoted}" if found.annotation is not None else ""


def _value(found: Any) -> str:
    return f" = `{found.value}`" if found.value is not None else ""


def _prose(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.replace("``", "`").split("\n\n"))
