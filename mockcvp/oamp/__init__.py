"""The OAMP: its resources under ``/cvp-config``, without anything that only the mock server has.

No module of this package imports the journal, the stubs or ``mockcvp.admin``.
"""
