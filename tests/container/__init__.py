"""The mock server in a container, on a real engine."""
