"""Builds the site of the documentation: ``python -m tools.site``, in the environment of ``requirements/docs.txt``."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools import pages

SITE = pages.ROOT / "site"

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_ELSEWHERE = re.compile(r"""<(?:script|link|img|iframe|source)\b[^>]*\b(?:src|href)=["']?(?:https?:)?//[^>]*>""")


def build(source: Path) -> None:
    """Build the site in a directory, and move it to ``site/``.

    Raises:
        RuntimeError: the documentation has a warning, or a page loads something from another host
    """
    # Zensical stores a cache beside its configuration, and does not notice changes of docstrings.
    shutil.copytree(pages.DOCS, source / "docs")
    shutil.copy(pages.ROOT / "mkdocs.yml", source)
    for file in (source / "docs").rglob("*.md"):
        name = file.relative_to(source / "docs").as_posix()
        file.write_text(pages.with_site_links(name, file.read_text("utf-8")), "utf-8")
    for page in pages.COPIES:
        (source / "docs" / page).write_text(pages.copy(page), "utf-8")
    command = [str(Path(sys.executable).with_name("zensical")), "build", "--strict"]
    result = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(_COLOURS.sub("", result.stdout + result.stderr).partition("Traceback")[0].strip())
    for built in sorted((source / "site").rglob("*.html")):
        if loaded := _ELSEWHERE.search(built.read_text("utf-8")):
            raise RuntimeError(f"{built.relative_to(source)} loads something from another host: {loaded[0]}")
    shutil.rmtree(SITE, ignore_errors=True)
    shutil.move(source / "site", SITE)


def main() -> None:
    """Write the generated pages, build the site, and print its place."""
    pages.main()
    with tempfile.TemporaryDirectory(prefix="mockcvp-site-") as directory:
        try:
            build(Path(directory))
        except RuntimeError as exc:
            sys.exit(f"make docs: {exc}")
    print(f"The documentation is in {os.path.relpath(SITE / 'index.html')}")


if __name__ == "__main__":
    main()
