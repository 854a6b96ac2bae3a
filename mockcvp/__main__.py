"""``python -m mockcvp`` is the ``mockcvp`` command."""

from mockcvp.cli import main

if __name__ == "__main__":
    main()
