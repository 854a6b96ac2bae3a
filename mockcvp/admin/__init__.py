"""The control API under ``/__admin``: WireMock's admin API, and the mock server's own ``/__admin/cvp``."""

PATH = "/__admin"
TENANTS_PATH = f"{PATH}/cvp/tenants"
