"""What a Python test uses."""
