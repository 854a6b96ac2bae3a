import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.container.engine import ROOT, Project, docker, why_no_engine

NEEDED = ["Dockerfile", ".dockerignore", "compose.yaml", "mockcvp", "requirements", "pyproject.toml"]
NEEDED += ["README.md", "LICENSE", "fixtures", "examples"]


@pytest.fixture(scope="session")
def project_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with wheels of its dependencies, so that the builds need no package index."""
    if why := why_no_engine():
        pytest.skip(why)
    copy = tmp_path_factory.mktemp("project")
    for name in NEEDED:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", ".venv", "wheels")
            shutil.copytree(source, copy / name, ignore=ignored)
        else:
            shutil.copy(source, copy / name)
    cache = ROOT / ".cache" / "wheels"
    base = [sys.executable, "-m", "pip", "download", "-q", "--python-version", "3.13", "--only-binary=:all:", "-d"]
    for requirements in ("run.txt", "build.txt"):
        subprocess.run(
            [*base, str(cache), "--require-hashes", "-r", f"requirements/{requirements}"], cwd=ROOT, check=True
        )
    example = copy / "examples" / "compose-python"
    subprocess.run([*base, str(cache / "example"), "-r", "requirements.txt"], cwd=example, check=True)
    shutil.copytree(cache, copy / "wheels", ignore=shutil.ignore_patterns("example"))
    shutil.copytree(cache / "example", example / "wheels")
    return copy


@pytest.fixture(scope="session")
def build_arguments() -> dict[str, str]:
    """The build arguments for installing the wheels in the build context."""
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "wheels"}


@pytest.fixture(scope="session")
def image(project_copy: Path, build_arguments: dict[str, str]) -> str:
    """The built image."""
    arguments = [part for name, value in build_arguments.items() for part in ("--build-arg", f"{name}={value}")]
    docker("build", "-q", *arguments, "-t", "mockcvp", str(project_copy))
    return "mockcvp"


@pytest.fixture
def project(project_copy: Path, build_arguments: dict[str, str], image: str) -> Iterator[Callable[..., Project]]:
    """Creates compose projects, and removes their containers and volumes after the test."""
    projects: list[Project] = []

    def create(directory: str, **env: str) -> Project:
        name = f"mockcvp-test-{os.getpid()}-{len(projects)}"
        projects.append(Project(project_copy / directory, name, build_arguments | env))
        return projects[-1]

    assert image
    yield create
    for project in projects:
        project("down", "-v", "--remove-orphans")
