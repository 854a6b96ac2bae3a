"""Every benchmark, one after the other."""

from benchmarks import container, control, fixture, load, start, status

if __name__ == "__main__":
    for benchmark in (start, load, status, fixture, control, container):
        benchmark.main()
        print(flush=True)
