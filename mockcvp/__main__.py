"""The ``mockcvp`` command, also as ``python -m mockcvp``."""

import os
from typing import NoReturn

from mockcvp.server import signals


def main() -> NoReturn:
    """Run the command, and exit with 0 on a signal that stops it, from its first moment to its last."""
    # the modules of the command take long to load, and there is nothing to clean up yet
    signals.handle(lambda *_: os._exit(0))
    try:
        from mockcvp.cli import main as command

        command()
    finally:
        signals.ignore()


if __name__ == "__main__":
    main()
