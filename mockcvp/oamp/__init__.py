"""The product being mocked: what a client sees under ``/cvp-config``.

Nothing in here knows that it is a mock server: it imports nothing from the journal or from ``mockcvp.admin``.
"""
