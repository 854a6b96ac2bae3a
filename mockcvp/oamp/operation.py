"""FastAPI path operations with negotiated bodies in XML and JSON (contract, sections 2 to 4).

A path operation is a function on a router with ``route_class=OampRoute``. Its parameters are ``Oamp``, ``BaseUrl``,
``Body[Model]``, path and query parameters, and any dependency of FastAPI. It returns an ``OampModel``, a ``Listing``,
a ``SyncUp``, None, or a response of Starlette. A plain function runs on the event loop, and not in a thread.
"""

import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, TypeVar, get_args

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.params import Depends as Dependency
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from mockcvp.oamp import dispatch, errors, http
from mockcvp.oamp.codecs import XML, Codec
from mockcvp.oamp.dispatch import Dispatched, NotAllowed, Operation, Reader, Routes
from mockcvp.oamp.errors import OampError
from mockcvp.oamp.limits import Limits
from mockcvp.oamp.model import OampModel
from mockcvp.oamp.service import OAMP

SECURITY: tuple[dict[str, list[str]], ...] = ({"oampAuth": []},)
"""The security requirement of each operation in the OpenAPI document."""

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
"""The methods that a path may have, in the order of ``Allow``."""

EXTENSION = "mockcvp"
"""The name of the ASGI scope extension with the ``Served`` request."""


class Served:
    """A request that FastAPI serves.

    Attributes:
        oamp: the OAMP
        request: the request
        dispatched: the request with its decoded body; None before the checks
        response: the response of the path operation; None before it is complete
    """

    def __init__(self, oamp: OAMP, request: http.Request) -> None:
        self.oamp = oamp
        self.request = request
        self.dispatched: Dispatched | None = None
        self.response: http.Response | None = None


def served(request: Request) -> Served:
    """Return the ``Served`` object of a request."""
    found: Served = request.scope["extensions"][EXTENSION]
    return found


class Provided:
    """A dependency that the dispatcher resolves. FastAPI's dependency injection takes longer.

    Args:
        get: returns the value
    """

    def __init__(self, get: Callable[[Dispatched], Any]) -> None:
        self.get = get

    def __call__(self, request: Request) -> Any:
        """Return the value to FastAPI."""
        dispatched = served(request).dispatched
        assert dispatched, "a dependency of the OAMP needs a route of the class OampRoute"
        return self.get(dispatched)


current_oamp = Provided(lambda dispatched: dispatched.oamp)
current_base_url = Provided(lambda dispatched: dispatched.request.base_url)
document = Provided(lambda dispatched: dispatched.document)

T = TypeVar("T")
Oamp = Annotated[OAMP, Depends(current_oamp)]
"""The OAMP that serves a request."""
BaseUrl = Annotated[str, Depends(current_base_url)]
"""The URL of the API, with the host that the client called."""
Body = Annotated[T, Depends(document)]
"""The decoded body: an ``OampModel``, or a class with a class method ``read``."""


class _Result(Response):
    """The result of a path operation, as a response: FastAPI passes responses on unchanged."""

    def __init__(self, result: Any) -> None:
        super().__init__()
        self.result = result


class OampRoute(APIRoute):
    """A path operation of the OAMP.

    The response is encoded in the negotiated format. An ``OampError`` leads to an error response.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.read = _reader(endpoint)
        self._function = endpoint
        options["openapi_extra"] = {"security": list(SECURITY), **(options.get("openapi_extra") or {})}
        # ``responses`` documents the bodies. From the return type, FastAPI would document only JSON.
        options |= {"response_model": None, "response_class": Response}
        # The first paragraph of the docstring is the summary. The others are the description.
        summary, _, description = (inspect.getdoc(endpoint) or "").partition("\n\n")
        options["summary"] = options.get("summary") or " ".join(summary.split()).removesuffix(".") or None
        options["description"] = options.get("description") or description
        wrapped = _returning_result(endpoint)
        # FastAPI uses the whole docstring if there is no description.
        wrapped.__doc__ = options["description"]
        super().__init__(path, wrapped, **options)

    def operation(self) -> Operation:
        """Return this operation for calls without FastAPI.

        Raises:
            TypeError: the function is a coroutine, or has a parameter that is not ``Provided``
        """
        function = self._function
        parameters = inspect.signature(function, eval_str=True).parameters.values()
        dependencies = [_dependency(parameter.annotation) for parameter in parameters]
        getters = [dependency.get for dependency in dependencies if isinstance(dependency, Provided)]
        if len(getters) < len(dependencies) or inspect.iscoroutinefunction(function):
            raise TypeError(f"{function.__name__} needs FastAPI: it is a coroutine, or a parameter is not Provided")

        def call(dispatched: Dispatched) -> Any:
            return function(*[get(dispatched) for get in getters])

        return Operation(call, self.status_code or 200, self.read)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return a handler that makes the OAMP's checks, decodes the body, calls FastAPI, and encodes the result."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            if not is_served(request):
                # This request came to the separate port of the control API, which has no OAMP.
                raise HTTPException(404)
            call = served(request)
            call.response = await self._respond(call, request, handler)
            return _to_starlette(call.response)

        return handle

    async def _respond(
        self, call: Served, request: Request, handler: Callable[[Request], Coroutine[Any, Any, Response]]
    ) -> http.Response:
        try:
            dispatch.check_client(call.oamp, call.request)
            dispatched = dispatch.negotiated(call.oamp, call.request, request.path_params)
            if self.read:
                dispatch.read_document(dispatched, self.read)
            call.dispatched = dispatched
            response = await handler(request)
            if isinstance(response, _Result):
                return dispatch.success(dispatched, self.status_code or 200, response.result)
        except HTTPException as exc:
            error = errors.by_status(exc.status_code).error(str(exc.detail))
            rejection = dispatch.reject(call.oamp, call.request, error)
            headers = tuple((name.lower().encode(), value.encode()) for name, value in (exc.headers or {}).items())
            return rejection._replace(headers=(*rejection.headers, *headers))
        except RequestValidationError as exc:
            return dispatch.error_response(call.oamp, call.request, _parameter_error(exc))
        except Exception as exc:
            return dispatch.error_response(call.oamp, call.request, exc)
        # A path operation may return a response of Starlette.
        return http.Response(response.status_code, tuple(response.raw_headers), bytes(response.body))


def routes_of(routes: list[Any]) -> Routes:
    """Return the path operations of a router, for calls without FastAPI.

    Raises:
        TypeError: an operation needs FastAPI
    """
    found = Routes()
    for route in routes:
        if isinstance(route, OampRoute):
            path = route.path_regex if "{" in route.path else route.path
            for method in route.methods or ():
                found.add(path, method, route.operation())
    return found


def is_served(request: Request) -> bool:
    """Return whether the OAMP serves a request, and not the control API."""
    return EXTENSION in request.scope.get("extensions", {})


def not_found(request: Request, exc: HTTPException) -> Response:
    """Return the response of the OAMP if FastAPI finds no route, or no route with the method."""
    call = served(request)
    try:
        dispatch.check_client(call.oamp, call.request)
        if exc.status_code == 405:
            raise NotAllowed(*allowed_methods(request))
        raise OampError(errors.NOT_FOUND.error())
    except Exception as error:
        call.response = dispatch.error_response(call.oamp, call.request, error)
    return _to_starlette(call.response)


def allowed_methods(request: Request) -> list[str]:
    """Return the methods of the path of a request. FastAPI's ``Allow`` has only those of the first route."""
    matching = [
        method
        for method in METHODS
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in request.app.routes)
    ]
    # The OAMP serves HEAD where it serves GET.
    has_head = "GET" in matching and "HEAD" not in matching and is_served(request)
    return ["GET", "HEAD", *matching[1:]] if has_head else matching


def _to_starlette(response: http.Response) -> Response:
    body = b"".join(response.parts) if response.parts else response.body
    converted = Response(body, response.status)
    converted.raw_headers = list(response.headers)
    return converted


def _dependency(annotation: Any) -> Any:
    return next((part.dependency for part in get_args(annotation)[1:] if isinstance(part, Dependency)), None)


def _reader(endpoint: Callable[..., Any]) -> Reader | None:
    """Return the reader of the body of a function; None without a body.

    Raises:
        TypeError: the type of the body is neither a model nor a class with ``read``
    """
    for parameter in inspect.signature(endpoint, eval_str=True).parameters.values():
        if _dependency(parameter.annotation) is document:
            type_ = get_args(parameter.annotation)[0]
            if hasattr(type_, "read"):
                reader: Reader = type_.read
                return reader
            for part in (type_, *get_args(type_)):
                if isinstance(part, type) and issubclass(part, OampModel):
                    return functools.partial(_read_model, part, type(None) in get_args(type_))
            raise TypeError(f"{endpoint.__name__}: the type of the body must be an OampModel, not {type_}")
    return None


def _read_model(
    model: type[OampModel], is_optional: bool, body: bytes, codec: Codec | None, charset: str | None, limits: Limits
) -> OampModel | None:
    if codec is None:
        if is_optional:
            return None
        raise OampError(XML.syntax.error("the body is required"))
    data, _ = codec.decode(body, charset, model, limits)
    try:
        return model.model_validate(data)
    except ValidationError as exc:
        raise OampError(*[_error(error, codec) for error in exc.errors(include_url=False)]) from None


def _error(error: Any, codec: Codec) -> errors.ApiError:
    place = ".".join(map(str, error["loc"]))
    if error["type"] == "missing" or error.get("ctx", {}).get("min_length") == 1:
        return errors.MISSING_FIELD.with_data(place).error(f"{place} is required")
    return codec.syntax.error(f"{place}: {error['msg']}")


def _parameter_error(exc: RequestValidationError) -> OampError:
    """Return the error of an invalid parameter: no such resource for one of the path, else an invalid query."""
    found = exc.errors()
    if found[0]["loc"][0] == "path":
        return OampError(errors.NOT_FOUND.error(found[0]["msg"]))
    return OampError(
        *[
            errors.INVALID_QUERY.with_data(".".join(map(str, error["loc"][1:]))).error(
                error["msg"], actual=str(error["input"]), valid=error["msg"]
            )
            for error in found
        ]
    )


def _returning_result(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(endpoint):

        @functools.wraps(endpoint)
        async def waits(*args: Any, **arguments: Any) -> Response:
            return _result(await endpoint(*args, **arguments))

        return waits

    @functools.wraps(endpoint)
    async def returns(*args: Any, **arguments: Any) -> Response:
        return _result(endpoint(*args, **arguments))

    return returns


def _result(result: Any) -> Response:
    return result if isinstance(result, Response) else _Result(result)
