"""Files that a user writes: read whole, and told in one line where they cannot be used."""

import json
from pathlib import Path
from typing import Any

from mockcvp.oamp.representation import members_once
from mockcvp.wording import may_be_secret


class FileError(Exception):
    """A file that cannot be used: which, where in it, and what would be right, in one line.

    Args:
        setting: that has named it
        message: the line
    """

    def __init__(self, setting: str, message: str) -> None:
        super().__init__(message)
        self.setting = setting


def text_of(setting: str, path: Path) -> str:
    """Return the text of a file, by UTF-8.

    Raises:
        FileError: it cannot be read, or is not UTF-8
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as fault:
        raise FileError(setting, f"cannot read {path}: {fault.strerror}") from None
    except UnicodeDecodeError as fault:
        raise FileError(setting, f"{path}: is not UTF-8 at byte {fault.start}") from None


def json_of(setting: str, path: Path, text: str) -> Any:
    """Return what the text of a file holds as JSON.

    Raises:
        FileError: it is not JSON
    """
    try:
        return json.loads(text, object_pairs_hook=members_once)
    except json.JSONDecodeError as fault:
        raise FileError(setting, f"{path}: line {fault.lineno}, column {fault.colno}: {fault.msg}") from None
    except ValueError as exc:
        # it may name a member
        why = "what occurs twice is not shown, since it may hold a secret" if may_be_secret(str(exc)) else exc
        raise FileError(setting, f"{path}: {why}") from None
    except RecursionError:
        raise FileError(setting, f"{path}: is nested too deeply") from None
