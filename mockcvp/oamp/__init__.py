"""The product being doubled: what a client sees under ``/cvp-config``.

Nothing in here knows that it is a double: it imports nothing from the journal or from ``mockcvp.admin``.
"""
