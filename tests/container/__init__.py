"""The double in a container, on a real engine."""
