"""The code blocks of a page, and what the tests do with each."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from sybil import Document
from sybil.parsers.markdown.lexers import RawFencedCodeBlockLexer

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_lex_blocks = RawFencedCodeBlockLexer(re.compile(r"(?P<info>[^\n]*)\n"))
_COMMENT = re.compile(
    r"^[ \t]*<!--[ \t]*(?P<name>[a-z ]+?)[ \t]*(?::[ \t]*(?P<value>.*?))?[ \t]*-->[ \t]*$", re.MULTILINE
)
_INFO = re.compile(r'(?P<language>[a-z]+)(?: +title="(?P<title>[^"]+)")?[^"]*')
_SERVES = re.compile(
    r"(?:export .*\n)*(?:[A-Z_]+=\S* +)*(?:(?:(?:\S+/)?mockcvp|python3? -m mockcvp) serve|make (?:[A-Z_]+=\S* +)*run)\b"
)
# A command that ends by itself: it prints the help, or the block handles its failure.
_ENDS = re.compile(r"(?:^|\s)(?:--help|-h)\b|\|\|")
_COMMENTS = {"server", "log", "fails", "container", "not run", "classpath"}
_PROGRAMS = {"python", "java", "js", "go"}
_DATA = {"json", "xml", "yaml", "toml"}


class Fate(StrEnum):
    """What a test does with a block."""

    SERVE = "starts a server in the background"
    RUN = "runs"
    OUTPUT = "is compared with the output of the block before it"
    LOG = "is compared with the log of the server"
    WRITE = "is written to a file"
    PARSE = "is parsed"
    SKIP = "is skipped with a reason"
    INVALID = "has no meaning"


@dataclass(frozen=True)
class Block:
    """A code block, or a comment that starts a server.

    Attributes:
        line: the number of its first line
        start: the position of its first character
        end: the position after its last character
        language: the language of the fence; ``server`` for a comment
        title: the file name; empty without one
        source: the text
        comments: the comments before the block, with their values
    """

    line: int
    start: int
    end: int
    language: str
    title: str
    source: str
    comments: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """A block with its fate.

    Attributes:
        block: the block
        fate: what the test does with the block
        reason: why the block is skipped or invalid; empty otherwise
        of: for ``Fate.OUTPUT``, the index of the block with the output
        needs_container: whether the block, or the block whose output this is, needs a container engine
    """

    block: Block
    fate: Fate
    reason: str = ""
    of: int = -1
    needs_container: bool = False


def steps_of(document: Document) -> list[Step]:
    """Return the code blocks of a page and the comments that start a server, in their order."""
    blocks, dangling = _blocks(document)
    steps: list[Step] = []
    for index, block in enumerate(blocks):
        steps.append(_step(block, blocks[index + 1 :], steps))
    problems = [Step(block, Fate.INVALID, "no code block follows this comment") for block in dangling]
    return sorted([*steps, *problems], key=lambda step: step.block.start) if problems else steps


def _blocks(document: Document) -> tuple[list[Block], list[Block]]:
    """Return the blocks, and the comments without a block."""
    text = document.text
    regions = sorted(_lex_blocks(document), key=lambda region: region.start)
    fences = [(region.start, region.end) for region in regions]
    comments = [
        match for match in _COMMENT.finditer(text) if not any(start <= match.start() < end for start, end in fences)
    ]
    blocks, used = [], set()
    for match in comments:
        if match["name"] == "server":
            used.add(match)
            line = text.count("\n", 0, match.start()) + 1
            blocks.append(Block(line, match.start(), match.end(), "server", "", match["value"] or ""))
    for region in regions:
        found: dict[str, str] = {}
        before = region.start
        for match in reversed([comment for comment in comments if comment.end() <= region.start]):
            if text[match.end() : before].strip():
                break
            before = match.start()
            if match["name"] != "server":
                used.add(match)
                found[match["name"]] = match["value"] or ""
        info = _INFO.fullmatch(region.lexemes["info"].strip())
        line = text.count("\n", 0, region.start) + 1
        source = str(region.lexemes["source"])
        language, title = (info["language"], info["title"] or "") if info else (region.lexemes["info"].strip(), "")
        blocks.append(Block(line, region.start, region.end, language, title, source, found))
    dangling = [
        Block(text.count("\n", 0, match.start()) + 1, match.start(), match.end(), "comment", "", "")
        for match in comments
        if match not in used and match["name"] in _COMMENTS
    ]
    return sorted(blocks, key=lambda block: block.start), dangling


def _step(block: Block, later: list[Block], earlier: list[Step]) -> Step:
    needs_container = "container" in block.comments
    if unknown := block.comments.keys() - _COMMENTS:
        return Step(block, Fate.INVALID, f"the comment {', '.join(sorted(unknown))!r} is not known")
    if "not run" in block.comments:
        reason = block.comments["not run"]
        return Step(block, Fate.SKIP if reason else Fate.INVALID, reason or "the comment 'not run' lacks a reason")
    if block.language == "text":
        return _text_step(block, earlier)
    if block.language == "server":
        return Step(block, Fate.SERVE)
    if block.language == "sh":
        serves = _SERVES.match(block.source) and not _ENDS.search(block.source) and "fails" not in block.comments
        return Step(block, Fate.SERVE if serves else Fate.RUN, needs_container=needs_container)
    if block.language in _PROGRAMS:
        if block.language != "python" and not block.title:
            return Step(block, Fate.INVALID, f"a block in {block.language} needs a title, or the comment 'not run'")
        return Step(block, _fate_of_program(block, later), needs_container=needs_container)
    if block.language in _DATA | {"dockerfile"}:
        return Step(block, Fate.WRITE if block.title else Fate.PARSE, needs_container=needs_container)
    if block.language in ("csharp", "mermaid"):
        return Step(block, Fate.PARSE)
    return Step(block, Fate.INVALID, f"the language {block.language!r} is not known")


def _text_step(block: Block, earlier: list[Step]) -> Step:
    if "log" in block.comments:
        return Step(block, Fate.LOG)
    if not earlier or earlier[-1].fate in (Fate.OUTPUT, Fate.LOG, Fate.PARSE, Fate.WRITE):
        return Step(block, Fate.INVALID, "no block before this text has an output, and the comment 'log' is absent")
    before = earlier[-1]
    if before.fate is Fate.SKIP:
        return Step(block, Fate.SKIP, f"the block before it is not run: {before.reason}")
    return Step(block, Fate.OUTPUT, of=len(earlier) - 1, needs_container=before.needs_container)


def _fate_of_program(block: Block, later: list[Block]) -> Fate:
    """Return whether a program runs by itself, or is a file for a command in a later block."""
    name = Path(block.title).name
    if block.language == "python" and block.title and not name.startswith("test_"):
        return Fate.WRITE
    if any(
        other.language == "sh" and block.title and re.search(rf"\b{re.escape(name)}", other.source) for other in later
    ):
        return Fate.WRITE
    return Fate.RUN


def pages() -> Iterator[tuple[Path, list[Step]]]:
    """Return the pages with their steps."""
    for page in PAGES:
        yield page, steps_of(Document(page.read_text("utf-8"), str(page)))
