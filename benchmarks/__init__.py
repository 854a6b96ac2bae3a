"""The benchmarks of the documentation's page: `make bench`."""
