"""What the tests do with each code block of a page."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sybil import Document

from tests.docs.blocks import Fate, Step, pages, steps_of
from tests.docs.run import BlockError, PageRun


def steps(text: str) -> list[Step]:
    return steps_of(Document(text, "page.md"))


def fates(text: str) -> list[Fate]:
    return [step.fate for step in steps(text)]


def fence(info: str, source: str = "x", comment: str = "") -> str:
    return f"{comment}\n```{info}\n{source}\n```\n".lstrip("\n")


@pytest.mark.parametrize(
    ("block", "fate"),
    [
        (fence("sh"), Fate.RUN),
        (fence("sh", "mockcvp serve --port 9111"), Fate.SERVE),
        (fence("sh", "MOCKCVP_PORT=9111 make run"), Fate.SERVE),
        (fence("sh", "export MOCKCVP_PASSWORD=secret\nmockcvp serve"), Fate.SERVE),
        (fence("sh", "mockcvp serve --help"), Fate.RUN),
        (fence("sh", "mockcvp serve --prot 1", "<!-- fails -->"), Fate.RUN),
        (fence("sh", "mockcvp serve --prot 1 || echo $?"), Fate.RUN),
        (fence("python"), Fate.RUN),
        (fence('python title="test_a.py"'), Fate.RUN),
        (fence('python title="client.py"'), Fate.WRITE),
        (fence('java title="Main.java"'), Fate.RUN),
        (fence("java"), Fate.INVALID),
        (fence("json", "{}"), Fate.PARSE),
        (fence('json title="a.json"', "{}"), Fate.WRITE),
        (fence("csharp"), Fate.PARSE),
        (fence("mermaid"), Fate.PARSE),
        (fence("text"), Fate.INVALID),
        (fence("text", comment="<!-- log -->"), Fate.LOG),
        (fence("text", comment="<!-- logs -->"), Fate.INVALID),
        (fence("sh", comment="<!-- not run: it needs a registry -->"), Fate.SKIP),
        (fence("sh", comment="<!-- not run -->"), Fate.INVALID),
        (fence("bash"), Fate.INVALID),
        (fence(""), Fate.INVALID),
        ("<!-- server: --release 12.6 -->\n", Fate.SERVE),
        ("<!-- log -->\n\nprose\n", Fate.INVALID),
    ],
)
def test_each_kind_of_block_has_its_fate(block: str, fate: Fate) -> None:
    assert fates(f"# Page\n\n{block}\nprose\n") == [fate]


def test_text_is_the_output_of_the_block_before_it() -> None:
    page = steps(fence("sh") + fence("text") + fence("sh", comment="<!-- container -->") + fence("text"))
    assert [(step.of, step.needs_container) for step in page] == [(-1, False), (0, False), (-1, True), (2, True)]
    assert fates(fence("sh") + fence("text") + fence("text"))[-1] is Fate.INVALID
    assert fates(fence("sh", comment="<!-- not run: why -->") + fence("text")) == [Fate.SKIP, Fate.SKIP]


def test_a_program_that_a_command_runs_is_only_written() -> None:
    program = fence('js title="a.mjs"')
    assert fates(program + fence("sh", "node a.mjs")) == [Fate.WRITE, Fate.RUN]
    assert fates(program + fence("sh", "node b.mjs")) == [Fate.RUN, Fate.RUN]


def test_blocks_in_lists_tabs_and_notes_are_found() -> None:
    page = '!!! note\n    ```sh\n    echo 1\n    ```\n\n=== "A"\n\n    <!-- not run: why -->\n    ```sh\n    echo 2\n    ```\n'
    note, tab = steps(page)
    assert (note.block.source, note.fate, note.block.line) == ("echo 1\n", Fate.RUN, 2)
    assert (tab.block.source, tab.fate, tab.block.line) == ("echo 2\n", Fate.SKIP, 9)


def test_a_comment_in_a_block_is_not_a_comment_of_the_page() -> None:
    assert fates(fence("xml", "<!-- log -->\n<a/>")) == [Fate.PARSE]


def test_every_block_of_every_page_has_a_fate() -> None:
    problems, fences, found = [], 0, 0
    for path, page in pages():
        problems += [f"{path}:{step.block.line}: {step.reason}" for step in page if step.fate is Fate.INVALID]
        found += sum(step.block.language not in ("server", "comment") for step in page)
        fences += sum(line.lstrip("> ").startswith(("```", "~~~")) for line in path.read_text("utf-8").splitlines())
    assert problems == []
    assert fences == 2 * found


@pytest.fixture
def run_page() -> Iterator[list[PageRun]]:
    runs: list[PageRun] = []
    yield runs
    for run in runs:
        run.close()


def run(runs: list[PageRun], text: str) -> PageRun:
    runs.append(PageRun(steps(text)))
    return runs[-1]


@pytest.mark.parametrize(
    ("page", "message"),
    [
        (fence("sh", "echo a; false; echo b"), "exits with 1"),
        (fence("sh", "true", "<!-- fails -->"), "the page says that it fails"),
        (fence("sh", "echo 1") + fence("text", "2"), "-2\n+1"),
        (fence("python", "assert 1 == 2"), "AssertionError"),
        (fence('python title="test_a.py"', "def test_a(): assert 1 == 2"), "1 failed"),
        (fence('python title="a.py"', "def"), "not valid python"),
        (fence("json", '{"a": …}'), "not valid json"),
        (fence("xml", "<a>"), "not valid xml"),
        (fence("yaml", "a: ["), "not valid yaml"),
        (fence("toml", "a"), "not valid toml"),
        (fence("csharp", "if (a) { b("), "'(' is not closed"),
        (fence("dockerfile", "FROM a\nRUNS b"), "'RUNS b' is not an instruction"),
        (fence("mermaid", "flow LR"), "not a type of diagram"),
        (fence("text", "a", "<!-- log -->"), "no server has started"),
        (fence("sh", "mockcvp serve --prot 1"), "No such option"),
    ],
)
def test_a_wrong_block_fails(run_page: list[PageRun], page: str, message: str) -> None:
    with pytest.raises(BlockError) as exc:
        run(run_page, page).evaluate(len(steps(page)) - 1)
    assert message in str(exc.value)


def test_a_block_runs_after_those_before_it(run_page: list[PageRun]) -> None:
    page = fence('yaml title="a/b.yaml"', "c: 1") + fence("sh", "cd a\nexport D=2") + fence("sh", "cat b.yaml; echo $D")
    run(run_page, page + fence("text", "c: 1\n2")).evaluate(3)


def test_a_block_after_a_failed_one_is_skipped(run_page: list[PageRun]) -> None:
    page = run(run_page, fence("sh", "false") + fence("sh", "true") + fence("json", "{}"))
    with pytest.raises(BlockError):
        page.evaluate(0)
    with pytest.raises(pytest.skip.Exception, match="line 1 of the page fails"):
        page.evaluate(1)
    page.evaluate(2)


def test_a_directory_of_a_page_has_only_the_samples(run_page: list[PageRun]) -> None:
    run(run_page, fence("sh", "ls") + fence("text", "compose.yaml\nexamples\nfixtures")).evaluate(1)


def test_a_page_has_the_port_of_its_own_server(run_page: list[PageRun]) -> None:
    page = "<!-- server: -->\n" + fence(
        "sh", "curl -sS --cacert certs/mockcvp.pem https://localhost:8111/cvp-config/version"
    )
    page += fence("text", "…")
    page += fence("text", "… 401 GET /cvp-config/version …", "<!-- log -->")
    page += fence("text", "… 200 …", "<!-- log -->")
    page += fence("sh", "mockcvp serve --release 12.6") + fence(
        "text", "…\n…is ready: https://127.0.0.1:8111/cvp-config, …"
    )
    running = run(run_page, page)
    running.evaluate(2)
    running.evaluate(3)
    with pytest.raises(BlockError, match="The log lacks this line"):
        running.evaluate(4)
    running.evaluate(6)


def test_ports_inside_a_container_are_not_replaced(run_page: list[PageRun]) -> None:
    source = "docker run -p 127.0.0.1:8111:8111 a https://oamp:8111/ https://localhost:8111/ --port 8111"
    page = run(run_page, fence("sh", source, "<!-- container -->") + fence("sh", source))
    port = page.ports["8111"]
    inside, outside = (page.text(step.block).split()[3:] for step in page.steps)
    here = [f"https://localhost:{port}/", "--port", port]
    assert inside == [f"127.0.0.1:{port}:8111", "a", "https://oamp:8111/", *here]
    assert outside == [f"127.0.0.1:{port}:8111", "a", f"https://oamp:{port}/", *here]


def test_tests_are_collected_from_every_page() -> None:
    assert Path("README.md").resolve() in [path for path, _ in pages()]
    assert all(page for path, page in pages() if "getting-started" in path.parts)
