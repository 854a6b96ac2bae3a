"""The ``mockcvp`` command."""

import gc
import logging
import os
import re
import sys
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, NoReturn, get_args, get_origin

import click
from click.core import ParameterSource
from pydantic import ByteSize, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from mockcvp.log import Log
from mockcvp.messages import phrases, suggestion
from mockcvp.server import signals
from mockcvp.settings import ENVIRONMENT_PREFIX, Settings, __version__

_PREFIX = ENVIRONMENT_PREFIX
# Docker links and Kubernetes set these variables for a service with the name mockcvp.
_ORCHESTRATORS = re.compile(r"MOCKCVP_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP)(_\w+)?|NAME|ENV_\w+)")
_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 120}

# the groups of the options in the help
_GROUPS = {
    "Address and user": ("host", "port", "username", "password"),
    "Certificate": ("cert", "key", "cert_dir", "key_type", "tls_names"),
    "OAMP": ("release", "deployment", "unknown_servers", "mappings"),
    "Control API": ("admin_host", "admin_port", "admin_username", "admin_password", "admin_access", "console"),
    "Limits": (
        *("max_body_bytes", "max_servers", "max_depth", "max_elements", "max_header_bytes", "max_headers"),
        *("max_connections",),
    ),
    "Timeouts and load": ("header_timeout", "body_timeout", "keep_alive_timeout", "max_in_flight"),
    "Journal and log": ("journal_max_calls", "journal_max_bytes", "log_level"),
}
_DIRECTORIES = ("cert_dir", "mappings")
_EPILOG = """
Example:
  mockcvp serve --port 9111 --tls-name oamp.example --deployment servers.yaml

Documentation of both APIs, while the command runs:
  https://HOST:PORT/__admin/docs (with --admin-port, on that port)

Exit codes:
  0  SIGTERM or SIGINT has stopped the server
  2  the server cannot start; the reason is one line on stderr
"""

_MAX_FILES = 65_536
# The event loop, the log and the listening sockets need half of these.
_MIN_FILES = 32
_STDOUT = 1

_log = logging.getLogger(__name__)


class _UsageError(click.ClickException):
    """The command cannot run with its options."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the ``mockcvp`` command, and exit; an error is one line on stderr, and exit code 2."""
    _ensure_standard_streams()
    try:
        _command.main(arguments, prog_name="mockcvp", standalone_mode=False)
    except click.ClickException as exc:
        where = f" See {exc.ctx.command_path} --help." if isinstance(exc, click.UsageError) and exc.ctx else ""
        if isinstance(exc, click.NoSuchOption) and exc.option_name in map(_option_name, Settings.model_fields):
            where = f" It belongs after the command: mockcvp serve {exc.option_name}.{where}"
        click.echo(f"mockcvp: {' '.join(exc.format_message().split())}{where}", err=True)
        sys.exit(2)
    except click.Abort:
        sys.exit(130)
    sys.exit(0)


def _ensure_standard_streams() -> None:
    """Open closed standard streams on the null device, so that no connection gets a descriptor from 0 to 2."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The new descriptor is the lowest free number.
            os.open(os.devnull, os.O_RDWR)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - it stays open until the process ends


@click.group(no_args_is_help=False, context_settings=_CONTEXT)
@click.version_option(__version__, message="mockcvp %(version)s")
def _command() -> None:
    """Mock the OAMP server of Cisco Unified CVP for tests."""


def _serve(**given: Any) -> None:
    """Serve OAMP's REST API at https://HOST:PORT/cvp-config until SIGTERM or SIGINT.

    Each option has an environment variable, shown in brackets; the option overrides it.
    """
    settings = _settings(given)
    log = Log(_STDOUT, sys.stdout.encoding, settings.log_level)
    try:
        _run(settings, log)
    finally:
        log.close()


def _run(settings: Settings, log: Log) -> None:
    # These imports are slow, and --help and an invalid option do not need them.
    from mockcvp.app import create_app
    from mockcvp.files import FileError
    from mockcvp.server.listener import Server, StartError
    from mockcvp.state import MockState

    is_ended = threading.Event()

    def end(*_: object) -> NoReturn:
        # A second signal must not interrupt the exit.
        signals.handle(lambda *_: None)
        is_ended.set()
        raise SystemExit(0)

    signals.handle(end)
    _raise_file_limit()
    for line in _misspelt(os.environ):
        _log.warning("%s", line)
    try:
        state = MockState(settings)
        server = Server(create_app(state=state), settings)
    except FileError as exc:
        raise _UsageError(f"{_source(exc.setting)}{exc}") from None
    except StartError as exc:
        raise _UsageError(str(exc)) from None

    def ready() -> None:
        if settings.mappings:
            # The line also shows that a directory has no mappings.
            _log.info("%d stub mappings from %s", len(state.stubs.initial), settings.mappings)
        control = f"control {server.admin_url}, " if settings.admin_port is not None else ""
        is_off = settings.console == "off"
        page = f"documentation {server.admin_url}/docs" if is_off else f"console {server.admin_url}/console/"
        log.write(
            f"mockcvp is ready: {server.url}, user {settings.username}, certificate {server.certificate}, "
            f"{control}{page}"
        )
        if settings.reaches_beyond:
            _log.warning("%s", _access_warning(settings))

    # The objects of the start stay for ever, and garbage collection without them pauses the server less.
    gc.freeze()
    gc.enable()
    signals.handle(lambda *_: server.interrupt())
    if is_ended.is_set():
        # Python ignores the SystemExit of a signal handler that runs within a destructor.
        raise SystemExit(0)
    try:
        server.run(ready)
    finally:
        _log.info("stopped")


def _raise_file_limit() -> None:
    """Raise the limit of open files, and so of connections, as far as the system permits.

    Raises:
        _UsageError: the limit is too low
    """
    if sys.platform != "win32":
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = _MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, _MAX_FILES)
        if soft != resource.RLIM_INFINITY and soft < most:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        if most < _MIN_FILES:
            raise _UsageError(f"the process may have {most} open files (ulimit -n), and needs at least {_MIN_FILES}")


def _access_warning(settings: Settings) -> str:
    if settings.admin_credentials is None:
        return "other machines can reach the control API without credentials; use --admin-access guarded"
    is_separate = settings.admin_username is not None
    source = "--admin-username and --admin-password" if is_separate else "the OAMP's user"
    return f"other machines can reach the control API with the user name and password of {source}"


def _settings(given: dict[str, Any]) -> Settings:
    source = click.get_current_context().get_parameter_source
    try:
        return Settings(**{name: value for name, value in given.items() if source(name) is not ParameterSource.DEFAULT})
    except ValidationError as exc:
        lines = [f"{_source(place.partition('[')[0])}{message}" for place, message in phrases(exc)]
        raise _UsageError("; ".join(lines)) from None


def _source(name: str) -> str:
    """Return the variable or option with the value of a setting, as a prefix of a message."""
    if not name:
        return ""
    if click.get_current_context().get_parameter_source(name) is ParameterSource.ENVIRONMENT:
        return f"{_PREFIX}{name.upper()}: "
    return f"{_option_name(name)}: "


def _misspelt(environment: Iterable[str]) -> Iterable[str]:
    known = [_PREFIX + name.upper() for name in Settings.model_fields]
    for name in environment:
        if name.startswith(_PREFIX) and name not in known and not _ORCHESTRATORS.fullmatch(name):
            yield f"{name} in the environment is not a setting{suggestion(name, known)}"


def _option_name(setting: str) -> str:
    repeated = get_origin(Settings.model_fields[setting].annotation) is tuple
    return "--" + (setting.removesuffix("s") if repeated else setting).replace("_", "-")


class _Serve(click.Command):
    """The command ``serve``, whose help groups its options."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options into the help."""
        records = {option.name: option.get_help_record(ctx) or ("", "") for option in self.get_params(ctx)}
        for title, names in _GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([records.pop(name) for name in names])
        with formatter.section("Other"):
            formatter.write_dl(list(records.values()))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - an override
        """Write the end of the help, whose lines click would join."""
        formatter.write(_EPILOG)


def _option(name: str, field: FieldInfo) -> click.Option:
    # Click passes every value as text, so that only the settings validate it.
    return click.Option(
        [_option_name(name), name],
        envvar=_PREFIX + name.upper(),
        show_envvar=True,
        multiple=get_origin(field.annotation) is tuple,
        metavar=_metavar(name, field),
        help=f"{field.description}{_range(field)}",
        default=_default(field),
        show_default=bool(_default(field)),
    )


def _metavar(name: str, field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return f"[{'|'.join(get_args(field.annotation))}]"
    if Path in (field.annotation, *get_args(field.annotation)):
        return "DIRECTORY" if name in _DIRECTORIES else "FILE"
    if field.annotation is ByteSize:
        return "BYTES"
    return "NUMBER" if field.annotation in (int, int | None, float) else "TEXT"


def _range(field: FieldInfo) -> str:
    """Return a sentence with the minimum and maximum of a value; '' without a notable one."""
    bounds = {name: getattr(bound, name) for bound in field.metadata for name in ("ge", "le") if hasattr(bound, name)}
    least, most = bounds.get("ge", 0), bounds.get("le")
    if least > 1 and most is not None:
        return f" {least} to {most}."
    if least > 1:
        return f" At least {least}."
    return f" At most {most}." if most else ""


def _default(field: FieldInfo) -> str | None:
    default = field.default
    if isinstance(default, ByteSize):
        return default.human_readable().replace(".0", "")
    if isinstance(default, SecretStr):
        return default.get_secret_value()
    return None if default in (None, ()) else str(default)


_command.add_command(
    _Serve(
        "serve",
        callback=_serve,
        help=_serve.__doc__,
        context_settings=_CONTEXT,
        params=[_option(name, field) for name, field in Settings.model_fields.items()],
    )
)
