"""A soak test: under mixed load, the requests, the responses and the journal must match."""
