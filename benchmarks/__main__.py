"""Every benchmark, one after the other. The results are printed, and written to ``results.json``."""

from benchmarks import console, container, control, events, fixture, load, report, start, status

if __name__ == "__main__":
    every = (start, load, events, console, status, fixture, control, container)
    print(report.machine(), end="\n\n", flush=True)
    report.write([table for benchmark in every for table in report.show(benchmark.tables())])
