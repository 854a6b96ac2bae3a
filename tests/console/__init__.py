"""The console in a browser: each test has its own mock server and page."""
