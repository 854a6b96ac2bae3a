"""The generated pages of the documentation: ``python -m tools.pages``.

The pages of ``REFERENCE`` come from the code. They are committed, so that a reader of the repository has them too, and
a test compares them with the code. The pages of ``COPIES`` are files of the top directory, and exist only in the site.
"""

import os
import posixpath
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from mockcvp import create_app
from mockcvp.cli import _GROUPS
from mockcvp.cli import _command as command
from mockcvp.settings import Settings
from tools.python_api import python_api

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"

COPIES = {
    "about/architecture.md": "ARCHITECTURE.md",
    "about/security.md": "SECURITY.md",
    "about/changelog.md": "CHANGELOG.md",
}
"""The pages that are files of the top directory, without the links that leave the site."""

_LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<target>[^)#\s]*)(?P<anchor>#[^)\s]*)?\)")
_PREFIX = "/__admin"
_NOTICE = "<!-- `make docs` generates this page from the code. -->"

_OPTIONS = """\
# Options

With this page, you find the option, the environment variable and the Python name of each setting, and its default.

- An option overrides its environment variable: `mockcvp serve --port 9111` overrides `MOCKCVP_PORT`.
- An empty environment variable counts as not set.
- A number of bytes is a number, or a text as `512KiB`, `2MiB` or `1GB`.
- A value that is not valid leads to one line on stderr and exit code 2.
- `MockCVP(…)`, `Settings(…)` and the fixture `mock_cvp_settings` take the Python names.
- In Python, `MockCVP` rejects `log_level`. Set the level of the logger `mockcvp` instead.
- `at any time`: one test can override the setting with `@pytest.mark.mock_cvp(…)`, or with `reset(…)` of `MockCVP`.
- `at start`: only the start sets it, with an option, a variable, `MockCVP(…)` or `mock_cvp_settings`.
"""

_COMMAND = """\
# Command

With this page, you know what the `mockcvp` command does, prints and returns.

`python -m mockcvp` is the same command. [Options](options.md) has all options of `mockcvp serve` in tables.

## Exit codes

| code | reason |
| --- | --- |
| 0 | SIGTERM or Ctrl-C has ended the server |
| 2 | An option, a variable or a file is not valid, or the server cannot listen. One line on stderr has the reason |

- The log is on stdout.
- SIGTERM and Ctrl-C let the calls in flight finish, for at most 5 seconds. A second signal ends this wait.
"""

_ADMIN_API = """\
# Control API

With this page, you find the path, the parameters and the responses of each operation of the control API.

- Each path follows `https://localhost:8111/__admin`. With `--admin-port`, the control API has another port.
- Requests and responses have bodies in JSON. A body with an unknown member gets 422.
- The body of an error is `{"errors": [{"code": 10, "title": "…"}]}`.
- An operation can get 401 and 403, and with a body also 413 and 503. The tables have the other [errors](#errors).
- A mock server shows the schemas of all bodies: open `/__admin/docs` in a browser, or get `/__admin/openapi.json`.
- [WireMock](wiremock.md) describes stub mappings and request patterns.
"""


def options() -> str:
    """Return the page of the options."""
    return "\n".join([_NOTICE, "", _OPTIONS.rstrip(), *_options()])


def _options() -> Iterator[str]:
    parameters = {parameter.name: parameter for parameter in command.commands["serve"].params}
    for title, names in _GROUPS.items():
        yield f"\n## {title}\n"
        yield from _table("option, variable, Python name", "default", "changes", "description")
        for name in names:
            parameter = parameters[name]
            assert isinstance(parameter, click.Option)
            default = f"`{parameter.default}`" if isinstance(parameter.default, str) else ""
            when = "at start" if name in Settings.at_start() else "at any time"
            called = f"`{parameter.opts[0]}`<br>`{parameter.envvar}`<br>`{name}`"
            yield _row(called, default, when, parameter.help or "")
    yield ""


def command_line() -> str:
    """Return the page of the command."""
    parts = [_NOTICE, "", _COMMAND]
    for arguments in ([], ["serve"]):
        called = [sys.executable, "-m", "mockcvp", *arguments, "--help"]
        # The tests run the blocks of this page with the same width.
        shown = subprocess.run(called, env=os.environ | {"COLUMNS": "80"}, capture_output=True, text=True, check=True)
        name = " ".join(["mockcvp", *arguments])
        parts += [f"## {name}\n", f"```sh\n{name} --help\n```\n", f"```text\n{shown.stdout}```\n"]
    return "\n".join(parts)


def admin_api() -> str:
    """Return the page of the control API."""
    return "\n".join([_NOTICE, "", _ADMIN_API.rstrip(), *_admin_api(create_app(Settings()).openapi())])


def _admin_api(document: dict[str, Any]) -> Iterator[str]:
    operations = [
        (path, method.upper(), operation)
        for path, methods in document["paths"].items()
        if path.startswith(_PREFIX)
        for method, operation in methods.items()
        if method != "head"
    ]
    for tag in document["tags"]:
        tagged = [operation for operation in operations if tag["name"] in operation[2]["tags"]]
        if not tagged:
            continue
        yield f"\n## {tag['name'].capitalize()}\n"
        yield f"{_prose(tag['description'])}\n"
        yield from _table("operation", "effect", "parameters, body", "responses")
        for path, method, operation in tagged:
            responses = operation["responses"]
            # The page describes these errors once.
            assert ("413" in responses) == ("503" in responses) == ("requestBody" in operation)
            done = [f"{status}: {responses[status]['description']}" for status in responses if status < "400"]
            yield _row(
                f"`{method}`<br>`{path.removeprefix(_PREFIX)}`",
                f"{operation['summary']}. {operation.get('description', '')}",
                "<br>".join(
                    [*(f"`{parameter['name']}`" for parameter in operation.get("parameters", ())), *_body(operation)]
                ),
                "<br>".join([*done, ", ".join(sorted(responses.keys() & {"400", "404", "422"}))]).removesuffix("<br>"),
            )
        yield from _parameters(tagged)
    yield "\n## Errors\n"
    yield from _table("status", "reason")
    reasons = {
        status: response["description"]
        for _, _, operation in operations
        for status, response in operation["responses"].items()
        if status >= "400"
    }
    yield from (_row(status, reasons[status]) for status in sorted(reasons))
    yield ""


def _table(*titles: str) -> Iterator[str]:
    yield _row(*titles)
    yield _row(*["---"] * len(titles))


def _row(*cells: str) -> str:
    return "|" + "".join(f" {text} |" if (text := _prose(cell).replace("|", "\\|")) else " |" for cell in cells)


def _parameters(operations: list[tuple[str, str, dict[str, Any]]]) -> Iterator[str]:
    described = {
        parameter["name"]: parameter["description"]
        for _, _, operation in operations
        for parameter in operation.get("parameters", ())
        if "description" in parameter
    }
    if described:
        yield ""
        yield from _table("parameter", "meaning")
        yield from (_row(f"`{name}`", text) for name, text in described.items())


def _body(operation: dict[str, Any]) -> Iterator[str]:
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        name = f"`{schema['$ref'].rpartition('/')[2]}`" if "$ref" in schema else "JSON"
        yield name if operation["requestBody"].get("required") else f"{name} (optional)"


def _prose(text: str) -> str:
    return " ".join(text.split())


def copy(page: str) -> str:
    """Return a page of ``COPIES``: links to other pages lead there, and links that leave the site become plain text."""
    pages = {source: name for name, source in COPIES.items()}

    def link(match: re.Match[str]) -> str:
        target = match["target"]
        if not target or "://" in target:
            return match[0]
        is_page = target.startswith("docs/") and target.endswith(".md")
        inside = pages.get(target) or (target.removeprefix("docs/") if is_page else None)
        if inside is None:
            return match["text"] if match["text"].startswith("`") else f"`{target}`"
        return f"[{match['text']}]({posixpath.relpath(inside, posixpath.dirname(page))}{match['anchor'] or ''})"

    return _LINK.sub(link, (ROOT / COPIES[page]).read_text("utf-8"))


def with_site_links(page: str, text: str) -> str:
    """Return the text of a page, whose links to the files of ``COPIES`` lead to pages of the site."""

    def link(match: re.Match[str]) -> str:
        directory = posixpath.dirname(page)
        target = posixpath.normpath(posixpath.join("docs", directory, match["target"]))
        inside = next((copied for copied, source in COPIES.items() if source == target), None)
        if not match["target"] or inside is None:
            return match[0]
        return f"[{match['text']}]({posixpath.relpath(inside, directory or '.')}{match['anchor'] or ''})"

    return _LINK.sub(link, text)


REFERENCE: dict[str, Callable[[], str]] = {
    "reference/options.md": options,
    "reference/command.md": command_line,
    "reference/python-api.md": lambda: f"{_NOTICE}\n\n{python_api()}",
    "reference/admin-api.md": admin_api,
}
"""The pages that come from the code, with their functions."""


def main() -> None:
    """Write the pages that come from the code."""
    for page, text in REFERENCE.items():
        (DOCS / page).write_text(text(), "utf-8")


if __name__ == "__main__":
    main()
