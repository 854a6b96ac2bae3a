"""Every benchmark, one after the other."""

from benchmarks import start

if __name__ == "__main__":
    start.main()
