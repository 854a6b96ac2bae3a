"""Every benchmark, one after the other."""

from benchmarks import start, status

if __name__ == "__main__":
    start.main()
    print()
    status.main()
