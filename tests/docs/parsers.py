"""Parsers of the code blocks that do not run."""

import json
import re
import tomllib
from collections.abc import Callable

import defusedxml.ElementTree
import yaml

_DOCKERFILE = re.compile(
    r"(?:#.*|(?:ADD|ARG|CMD|COPY|ENTRYPOINT|ENV|EXPOSE|FROM|HEALTHCHECK|LABEL|RUN|SHELL|STOPSIGNAL|USER|VOLUME|WORKDIR) .+)",
    re.DOTALL,
)
_MERMAID = re.compile(
    r"(?:flowchart|graph|sequenceDiagram|stateDiagram(?:-v2)?|classDiagram|erDiagram|timeline)\b.*", re.DOTALL
)


def parse(language: str, source: str) -> None:
    """Check the syntax of a block, if its language has a parser.

    Raises:
        ValueError: the syntax is not valid
    """
    try:
        if parser := _PARSERS.get(language):
            parser(source)
    except (ValueError, SyntaxError, yaml.YAMLError) as exc:
        raise ValueError(f"not valid {language}: {exc}") from None


def _parse_braces(source: str) -> None:
    """Check that the brackets of a source text are balanced, outside strings and comments."""
    code = re.sub(r'@?"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/', "", source, flags=re.DOTALL)
    open_brackets = []
    pairs = {")": "(", "]": "[", "}": "{"}
    for character in code:
        if character in pairs.values():
            open_brackets.append(character)
        elif character in pairs and (not open_brackets or open_brackets.pop() != pairs[character]):
            raise ValueError(f"{character!r} closes nothing")
    if open_brackets:
        raise ValueError(f"{open_brackets[-1]!r} is not closed")


def _parse_dockerfile(source: str) -> None:
    for instruction in re.split(r"(?<!\\)\n", source.strip()):
        if instruction.strip() and not _DOCKERFILE.fullmatch(instruction):
            raise ValueError(f"{instruction!r} is not an instruction")


def _parse_mermaid(source: str) -> None:
    if not _MERMAID.fullmatch(source.strip()):
        raise ValueError(f"{source.split()[:1]} is not a type of diagram")


_PARSERS: dict[str, Callable[[str], object]] = {
    "json": json.loads,
    "xml": defusedxml.ElementTree.fromstring,
    "yaml": lambda source: list(yaml.safe_load_all(source)),
    "toml": tomllib.loads,
    "python": lambda source: compile(source, "block", "exec", dont_inherit=True),
    "csharp": _parse_braces,
    "dockerfile": _parse_dockerfile,
    "mermaid": _parse_mermaid,
}
