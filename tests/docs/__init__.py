"""The documentation, whose code blocks run as tests."""
