"""WireMock's stub mappings, response definitions, settings and scenario states in JSON."""

import json
import re
from base64 import b64decode
from collections.abc import Callable
from typing import Annotated, Any, Literal, Self
from uuid import UUID, uuid4

from pydantic import BeforeValidator, ConfigDict, Field, PrivateAttr, WithJsonSchema, field_validator, model_validator

from mockcvp.messages import Invalid, member, quoted
from mockcvp.oamp.errors import of_status
from mockcvp.oamp.http import Headers
from mockcvp.stubs.mapping import DEFAULT_PRIORITY, StubMapping
from mockcvp.stubs.pattern_schema import RequestPatternForm
from mockcvp.stubs.response import MAX_DELAY, Delays, Dribble, Fault, StubResponse, lognormal, uniform
from mockcvp.stubs.schema_model import SchemaModel
from mockcvp.text import TOKEN

_MAX_MILLISECONDS = int(MAX_DELAY * 1000)
# the characters of a header value and a reason phrase in RFC 9110 and RFC 9112
_FIELD_TEXT = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_WITHOUT_BODY = (204, 205, 304)

Milliseconds = Annotated[int, Field(ge=0, le=_MAX_MILLISECONDS)]


class DelayDistribution(SchemaModel):
    """A delay distribution, in milliseconds."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"properties": {"type": {"const": "uniform"}}, "required": ["lower", "upper"]},
                {"properties": {"type": {"const": "lognormal"}}, "required": ["median", "sigma"]},
            ]
        }
    )

    type: Literal["uniform", "lognormal"]
    lower: Milliseconds | None = None
    upper: Milliseconds | None = None
    median: Annotated[float, Field(strict=False, gt=0, le=_MAX_MILLISECONDS)] | None = None
    sigma: Annotated[float, Field(strict=False, ge=0, le=10)] | None = None
    max_value: Annotated[float, Field(strict=False, gt=0, le=_MAX_MILLISECONDS)] | None = None

    @model_validator(mode="after")
    def _check_members(self) -> Self:
        needed, allowed = {
            "uniform": (("lower", "upper"), {"lower", "upper"}),
            "lognormal": (("median", "sigma"), {"median", "sigma", "max_value"}),
        }[self.type]
        for name in needed:
            if getattr(self, name) is None:
                raise ValueError(f"{self.type} needs {' and '.join(needed)}, and {name} is missing")
        for name in self.model_fields_set - allowed - {"type"}:
            raise ValueError(f"{self.alias(name)} does not belong to {self.type}")
        if self.lower is not None and self.upper is not None and self.lower > self.upper:
            raise ValueError(f"lower must not be above upper, and {self.lower} is above {self.upper}")
        return self

    @property
    def sample(self) -> Callable[[], float]:
        """A function that samples the distribution, in seconds."""
        if self.lower is not None and self.upper is not None:
            return uniform(self.lower / 1000, self.upper / 1000)
        assert self.median is not None
        assert self.sigma is not None
        return lognormal(self.median / 1000, self.sigma, (self.max_value or _MAX_MILLISECONDS) / 1000)


class ChunkedDribbleDelay(SchemaModel):
    """A chunked dribble delay, in milliseconds."""

    number_of_chunks: Annotated[int, Field(ge=1, le=10_000)]
    total_duration: Milliseconds


class TransformerParameters(SchemaModel):
    """The parameters of the transformer ``mockcvp``, an extension of WireMock's response definition."""

    error_type: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    times: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


def _check_transformer(name: object) -> object:
    if name == "response-template":
        raise ValueError("WireMock supports response-template, and mockcvp does not")
    return name


Transformer = Annotated[Literal["mockcvp"], BeforeValidator(_check_transformer)]

HeaderFields = Annotated[
    dict[str, Any],
    WithJsonSchema(
        {
            "type": "object",
            "description": "Several fields of one name are an array.",
            "additionalProperties": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        }
    ),
]


class ResponseForm(SchemaModel):
    """A response definition in JSON."""

    status: Annotated[int, Field(ge=200, le=599)] = 200
    status_message: str | None = None
    headers: Annotated[HeaderFields, Field(default_factory=dict)]
    body: str = ""
    json_body: Any = None
    base64_body: str = ""
    fixed_delay_milliseconds: Milliseconds | None = None
    delay_distribution: DelayDistribution | None = None
    chunked_dribble_delay: ChunkedDribbleDelay | None = None
    fault: Annotated[Fault | None, Field(strict=False)] = None
    transformers: Annotated[tuple[Transformer, ...], Field(strict=False, max_length=1)] = ()
    transformer_parameters: TransformerParameters = TransformerParameters.model_construct()

    _bytes: bytes = PrivateAttr(default=b"")

    @field_validator("status_message")
    @classmethod
    def _check_reason(cls, value: str | None) -> str | None:
        if value is not None and not _FIELD_TEXT.fullmatch(value):
            raise ValueError("must be one line of text in ISO 8859-1")
        return value

    @field_validator("headers")
    @classmethod
    def _check_headers(cls, headers: dict[str, Any]) -> dict[str, Any]:
        for name, value in headers.items():
            if not TOKEN.fullmatch(name):
                raise Invalid("one name is not a header name", f"{quoted(name)} is not a header name", name)
            for text in value if isinstance(value, list) else [value]:
                if not isinstance(text, str) or not _FIELD_TEXT.fullmatch(text):
                    problem = f"{member(name)} must be one line of text in ISO 8859-1, or a list of such"
                    raise Invalid(problem, f"{problem}, not {quoted(text)}", name)
        return headers

    @model_validator(mode="after")
    def _check_members(self) -> Self:
        given = self.model_fields_set
        bodies = [self.alias(name) for name in ("body", "json_body", "base64_body") if name in given]
        if len(bodies) > 1:
            raise ValueError(f"only one of {', '.join(bodies)} is allowed")
        self._bytes = self._encode_body()
        if self._bytes and self.status in _WITHOUT_BODY:
            raise ValueError(f"{bodies[0]}: a response with status {self.status} has no body")
        self._check_length()
        return self

    @model_validator(mode="after")
    def _check_extensions(self) -> Self:
        given = self.model_fields_set
        if "transformer_parameters" in given and not self.transformers:
            raise ValueError("transformerParameters belong to transformers, which must be ['mockcvp']")
        if self.transformer_parameters.error_type is not None:
            others = given - {"status", "transformers", "transformer_parameters", "fixed_delay_milliseconds"}
            if others := others - {"delay_distribution"}:
                raise ValueError(f"errorType replaces the response, so {self.alias(min(others))} has no effect")
            if self.status < 400:
                raise ValueError(f"errorType needs a status from 400 to 599, not {self.status}")
            try:
                of_status(self.status, self.transformer_parameters.error_type)
            except ValueError as exc:
                raise ValueError(f"errorType: {exc}") from None
        if self.fault is not None:
            others = given - {"status", "fault", "transformers", "transformer_parameters", "fixed_delay_milliseconds"}
            if others := others - {"delay_distribution"}:
                raise ValueError(f"fault replaces the response, so {self.alias(min(others))} has no effect")
        if self.transformers and not self.transformer_parameters.model_fields_set:
            raise ValueError("transformers need transformerParameters: errorType, times")
        return self

    def _encode_body(self) -> bytes:
        if "json_body" in self.model_fields_set:
            return json.dumps(self.json_body, separators=(",", ":"), ensure_ascii=False).encode(errors="replace")
        try:
            return (
                b64decode(self.base64_body, validate=True) if self.base64_body else self.body.encode(errors="replace")
            )
        except ValueError as exc:
            raise ValueError(f"base64Body is not Base64: {exc}") from None

    def _check_length(self) -> None:
        values: dict[str, list[Any]] = {}
        for name, value in self.headers.items():
            values.setdefault(name.lower(), []).extend(value if isinstance(value, list) else [value])
        lengths, codings = values.get("content-length", []), values.get("transfer-encoding", [])
        if len(lengths) > 1 or (lengths and codings):
            raise ValueError("headers: a response has only one Content-Length, or one Transfer-Encoding")
        if lengths and lengths != [str(len(self._bytes))]:
            raise ValueError(f"headers: Content-Length is {lengths[0][:20]}, and the body has {len(self._bytes)} bytes")
        if codings and (codings != ["chunked"] or self.status in _WITHOUT_BODY):
            raise ValueError(f"headers: Transfer-Encoding must be chunked, with a body, not {quoted(codings[0])}")

    def response(self) -> StubResponse:
        """Return the response definition that this form describes."""
        dribble, distribution = self.chunked_dribble_delay, self.delay_distribution
        fixed, error_type = self.fixed_delay_milliseconds, self.transformer_parameters.error_type
        error = None
        if error_type is not None:
            error = of_status(self.status, error_type).error("a stub mapping matches")
        return StubResponse(
            self.status,
            self.status_message,
            self._headers(),
            self._bytes,
            Delays(None if fixed is None else fixed / 1000, distribution.sample if distribution else None),
            Dribble(dribble.number_of_chunks, dribble.total_duration / 1000) if dribble else None,
            self.fault,
            error,
        )

    def _headers(self) -> Headers:
        bodyless = self.status in _WITHOUT_BODY
        pairs = [
            (name.encode(), text.encode("latin-1"))
            for name, value in self.headers.items()
            if not (bodyless and name.lower() == "content-length")
            for text in (value if isinstance(value, list) else [value])
        ]
        if self.status not in _WITHOUT_BODY and not {"content-length", "transfer-encoding"} & {
            *map(str.lower, self.headers)
        }:
            pairs.append((b"Content-Length", b"%d" % len(self._bytes)))
        return tuple(pairs)


class StubMappingForm(SchemaModel):
    """A stub mapping in JSON."""

    id: Annotated[str | None, Field(json_schema_extra={"format": "uuid"})] = None
    uuid: Annotated[str | None, Field(json_schema_extra={"format": "uuid"})] = None
    name: str | None = None
    priority: int | None = None
    request: Annotated[RequestPatternForm, Field(default_factory=lambda: RequestPatternForm.model_validate({}))]
    response: Annotated[ResponseForm, Field(default_factory=lambda: ResponseForm.model_validate({}))]
    scenario_name: Annotated[str, Field(min_length=1)] | None = None
    required_scenario_state: Annotated[str, Field(min_length=1)] | None = None
    new_scenario_state: Annotated[str, Field(min_length=1)] | None = None
    metadata: dict[str, Any] | None = None
    persistent: bool | None = None

    @field_validator("id", "uuid")
    @classmethod
    def _is_uuid(cls, value: str | None) -> str | None:
        try:
            return None if value is None else str(UUID(value))
        except ValueError:
            raise ValueError("must be a UUID") from None

    @model_validator(mode="after")
    def _check_members(self) -> Self:
        if self.id is not None and self.uuid is not None and self.id != self.uuid:
            raise ValueError("id and uuid are two names of one thing, and must not differ")
        if self.scenario_name is None:
            for name in ("required_scenario_state", "new_scenario_state"):
                if getattr(self, name) is not None:
                    raise ValueError(f"{self.alias(name)} needs scenarioName")
        if self.request.custom_matcher is not None:
            raise ValueError("request.customMatcher matches the responses of recorded calls, not requests")
        return self


def check_writable(content: Any) -> None:
    """Check that a value can be written as JSON.

    Raises:
        ValueError: the value contains NaN, an infinity, half of a surrogate pair, or an object that is not JSON
    """
    try:
        json.dumps(content, allow_nan=False, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("it has half of a surrogate pair") from None
    except TypeError as exc:
        raise ValueError(str(exc)) from None


def parse_stub_mapping(content: Any, mapping_id: str | None = None) -> StubMapping:
    """Return the stub mapping that a JSON value describes.

    Args:
        content: the JSON value
        mapping_id: an id that replaces the id in the JSON; None to use the id in the JSON, or a new one

    Raises:
        pydantic.ValidationError: the JSON value is not a valid stub mapping
        ValueError: the JSON value cannot be written as JSON, or is nested too deeply
    """
    try:
        check_writable(content)
        return _parse(content, mapping_id)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _parse(content: Any, mapping_id: str | None) -> StubMapping:
    form = StubMappingForm.model_validate(content)
    identity = mapping_id or form.id or form.uuid or str(uuid4())
    request = {"method": "ANY", **(content.get("request") or {})}
    response = {"status": 200, **(content.get("response") or {})}
    document = {**content, "id": identity, "uuid": identity, "request": request, "response": response}
    return StubMapping(
        identity,
        form.request.pattern,
        form.response.response(),
        document,
        form.name,
        DEFAULT_PRIORITY if form.priority is None else form.priority,
        form.scenario_name,
        form.required_scenario_state,
        form.new_scenario_state,
        form.response.transformer_parameters.times,
    )


class SettingsForm(SchemaModel):
    """WireMock's global settings; ``proxyPassThrough`` has no effect, since mockcvp has no proxy."""

    fixed_delay: Milliseconds | None = None
    delay_distribution: DelayDistribution | None = None
    proxy_pass_through: bool = True

    @property
    def delays(self) -> Delays:
        """The global delays."""
        fixed, distribution = self.fixed_delay, self.delay_distribution
        return Delays(None if fixed is None else fixed / 1000, distribution.sample if distribution else None)


class ScenarioState(SchemaModel):
    """The new state of a scenario."""

    state: Annotated[str, Field(min_length=1)]
