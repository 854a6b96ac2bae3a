"""Every benchmark, one after the other."""

from benchmarks import fixture, start, status

if __name__ == "__main__":
    start.main()
    print()
    status.main()
    print()
    fixture.main()
