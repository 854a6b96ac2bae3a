"""The programs, libraries and containers of this machine, for code blocks."""

import os
import re
import shutil
import subprocess
from functools import cache

import pytest

from tests.clients.test_clients import JARS
from tests.clients.wiremock_jar import JAR
from tests.container.engine import why_no_engine

# The commands that a machine may lack, with the package of each.
_PACKAGES = {
    "curl": "curl",
    "openssl": "openssl",
    "java": "default-jdk-headless",
    "javac": "default-jdk-headless",
    "keytool": "default-jdk-headless",
    "node": "nodejs",
    "npm": "npm",
    "go": "golang-go",
    "jq": "jq",
    "xmllint": "libxml2-utils",
}
_CLASS_PATHS = {"wiremock": ([JAR], ".ci/wiremock downloads WireMock"), "jersey": (JARS, "libjersey1-client-java")}


def need_programs(source: str) -> None:
    """Skip the test if the machine lacks a program of a script."""
    for name, package in _PACKAGES.items():
        if re.search(
            rf"(?:^|[|;&(]|\bthen|\bdo)\s*(?:[A-Z_]+=\S* +)*{name}\b", source, re.MULTILINE
        ) and not shutil.which(name):
            pytest.skip(f"{name} is not on this machine: apt-get install {package}")


def need_containers() -> None:
    """Skip the test if the machine has no container engine or no image of mockcvp."""
    if why := _why_no_containers():
        pytest.skip(why)


@cache
def _why_no_containers() -> str:
    if why := why_no_engine():
        return why
    if subprocess.run(["docker", "image", "inspect", "mockcvp"], capture_output=True, check=False).returncode:
        return "there is no image mockcvp, which tests/container builds"
    return ""


def class_path(name: str) -> list[str]:
    """Return the options of ``java`` for a library; skip the test if the machine lacks the library."""
    jars, package = _CLASS_PATHS[name]
    if not all(jar.exists() for jar in jars):
        pytest.skip(f"the library {name} is not on this machine: {package}")
    return ["-cp", os.pathsep.join(map(str, jars))]
