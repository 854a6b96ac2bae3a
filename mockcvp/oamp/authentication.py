"""HTTP basic authentication (contract, sections 1 and 8)."""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest

from mockcvp.oamp import errors
from mockcvp.oamp.errors import OampError

# No source names a user without the role. This is the default user of the operations console.
CONSOLE_USER = "Administrator"


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the OAMP."""

    password: str
    has_role: bool = True


def sent_credentials(authorization: str | None) -> tuple[str, str] | None:
    """Return the user name and password of an ``Authorization`` header, None if it has none."""
    scheme, _, token = (authorization or "").strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        credentials = b64decode(token.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    try:
        text = credentials.decode()
    except UnicodeDecodeError:
        text = credentials.decode("latin-1")
    user, colon, password = text.partition(":")
    return (user, password) if colon else None


class Accounts:
    """The users of the OAMP.

    Args:
        by_name: the accounts by user name
    """

    def __init__(self, by_name: Mapping[str, Account]) -> None:
        self.by_name = by_name
        # Valid headers as nearly every client sends them: these need not be decoded for each request.
        self._admitted = [
            b"Basic " + b64encode(f"{name}:{account.password}".encode())
            for name, account in by_name.items()
            if account.has_role
        ]

    def authenticate(self, authorization: str | None) -> None:
        """Check the credentials of a request.

        Args:
            authorization: the ``Authorization`` header

        Raises:
            OampError: ``authorization.unathorized`` or ``authentication.noAccess``
        """
        if authorization is None:
            raise OampError(errors.UNAUTHORIZED.error("no credentials were sent"))
        sent = authorization.encode("latin-1")
        for admitted in self._admitted:
            if compare_digest(sent, admitted):
                return
        credentials = sent_credentials(authorization)
        if credentials is None:
            raise OampError(errors.UNAUTHORIZED.error("the Authorization header is not HTTP basic"))
        user, password = credentials
        account = self.by_name.get(user)
        if account is None or not compare_digest(password.encode(), account.password.encode()):
            wrong = "the password is wrong" if account else "the user is unknown"
            raise OampError(errors.UNAUTHORIZED.error(wrong))
        if not account.has_role:
            raise OampError(errors.NO_ACCESS.error("the user lacks the role that this API needs"))
