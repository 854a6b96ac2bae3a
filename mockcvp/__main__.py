"""The entry point of the ``mockcvp`` command and of ``python -m mockcvp``."""

import gc
import os
from typing import NoReturn

from mockcvp.server import signals


def main() -> NoReturn:
    """Run the command, and exit with 0 on SIGTERM and SIGINT at any time."""
    # The imports of the command are slow, and until they end there is nothing to clean up.
    signals.handle(lambda *_: os._exit(0))
    # The imports create many objects and no garbage; the command enables the collection again.
    gc.disable()
    try:
        from mockcvp.cli import main as command

        command()
    finally:
        signals.ignore()


if __name__ == "__main__":
    main()
