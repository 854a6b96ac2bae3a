"""Every benchmark, one after the other."""

from benchmarks import container, control, fixture, start, status

if __name__ == "__main__":
    start.main()
    print()
    status.main()
    print()
    fixture.main()
    print()
    control.main()
    print()
    container.main()
