"""Stub mappings as WireMock writes them in JSON. What is not known here is refused, and named."""

import json
import re
from base64 import b64decode
from collections.abc import Callable
from typing import Annotated, Any, Literal, Self
from uuid import UUID, uuid4

from pydantic import ConfigDict, Field, PrivateAttr, WithJsonSchema, field_validator, model_validator

from mockcvp.messages import Invalid, member, quoted
from mockcvp.oamp.api import Headers
from mockcvp.oamp.errors import of_status
from mockcvp.stubs.mapping import USUAL_PRIORITY, StubMapping
from mockcvp.stubs.pattern_schema import RequestPatternForm, SchemaModel
from mockcvp.stubs.response import LONGEST_DELAY, Delays, Dribble, Fault, StubResponse, lognormal, uniform

_LONGEST = int(LONGEST_DELAY * 1000)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# what HTTP lets stand in a line of the head
_FIELD_TEXT = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_WITHOUT_BODY = (204, 205, 304)

Milliseconds = Annotated[int, Field(ge=0, le=_LONGEST)]


class DelayDistribution(SchemaModel):
    """How long answers are held back, drawn anew for each, in milliseconds."""

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
    median: Annotated[float, Field(strict=False, gt=0, le=_LONGEST)] | None = None
    sigma: Annotated[float, Field(strict=False, ge=0, le=10)] | None = None
    max_value: Annotated[float, Field(strict=False, gt=0, le=_LONGEST)] | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
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
    def draw(self) -> Callable[[], float]:
        """What draws a time, in seconds."""
        if self.lower is not None and self.upper is not None:
            return uniform(self.lower / 1000, self.upper / 1000)
        assert self.median is not None
        assert self.sigma is not None
        return lognormal(self.median / 1000, self.sigma, (self.max_value or _LONGEST) / 1000)


class ChunkedDribbleDelay(SchemaModel):
    """A body in pieces, spread over a time in milliseconds."""

    number_of_chunks: Annotated[int, Field(ge=1, le=10_000)]
    total_duration: Milliseconds


class Parameters(SchemaModel):
    """What ``mockcvp`` as a transformer does of a response: which WireMock has no member for."""

    error_type: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    times: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


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
    """What a mapping answers, in JSON."""

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
    transformers: Annotated[tuple[Literal["mockcvp"], ...], Field(strict=False, max_length=1)] = ()
    transformer_parameters: Parameters = Parameters.model_construct()

    _bytes: bytes = PrivateAttr(default=b"")

    @field_validator("status_message")
    @classmethod
    def _one_line(cls, value: str | None) -> str | None:
        if value is not None and not _FIELD_TEXT.fullmatch(value):
            raise ValueError("must be one line of text in ISO 8859-1")
        return value

    @field_validator("headers")
    @classmethod
    def _sendable(cls, headers: dict[str, Any]) -> dict[str, Any]:
        for name, value in headers.items():
            if not _TOKEN.fullmatch(name):
                raise Invalid("one has a name that no header has", f"{quoted(name)} is no name of a header", name)
            for text in value if isinstance(value, list) else [value]:
                if not isinstance(text, str) or not _FIELD_TEXT.fullmatch(text):
                    problem = f"{member(name)} must be one line of text in ISO 8859-1, or a list of such"
                    raise Invalid(problem, f"{problem}, not {quoted(text)}", name)
        return headers

    @model_validator(mode="after")
    def _whole(self) -> Self:
        given = self.model_fields_set
        bodies = [self.alias(name) for name in ("body", "json_body", "base64_body") if name in given]
        if len(bodies) > 1:
            raise ValueError(f"there can be one of {', '.join(bodies)} alone")
        self._bytes = self._body()
        if self._bytes and self.status in _WITHOUT_BODY:
            raise ValueError(f"{bodies[0]}: an answer of status {self.status} has no body")
        self._check_length()
        return self

    @model_validator(mode="after")
    def _alone(self) -> Self:
        given = self.model_fields_set
        if "transformer_parameters" in given and not self.transformers:
            raise ValueError("transformerParameters belong to transformers, which must be ['mockcvp']")
        if self.transformer_parameters.error_type is not None:
            others = given - {"status", "transformers", "transformer_parameters", "fixed_delay_milliseconds"}
            if others := others - {"delay_distribution"}:
                raise ValueError(f"errorType makes the whole answer, and {self.alias(min(others))} has no place in it")
            if self.status < 400:
                raise ValueError(f"errorType needs a status from 400 to 599, not {self.status}")
            try:
                of_status(self.status, self.transformer_parameters.error_type)
            except ValueError as exc:
                raise ValueError(f"errorType: {exc}") from None
        if self.fault is not None:
            others = given - {"status", "fault", "transformers", "transformer_parameters", "fixed_delay_milliseconds"}
            if others := others - {"delay_distribution"}:
                raise ValueError(f"fault is instead of an answer, and {self.alias(min(others))} has no place in it")
        if self.transformers and not self.transformer_parameters.model_fields_set:
            raise ValueError("transformers need transformerParameters: errorType, times")
        return self

    def _body(self) -> bytes:
        if "json_body" in self.model_fields_set:
            return json.dumps(self.json_body, separators=(",", ":"), ensure_ascii=False).encode(errors="replace")
        try:
            return (
                b64decode(self.base64_body, validate=True) if self.base64_body else self.body.encode(errors="replace")
            )
        except ValueError as exc:
            raise ValueError(f"base64Body is no Base64: {exc}") from None

    def _check_length(self) -> None:
        values: dict[str, list[Any]] = {}
        for name, value in self.headers.items():
            values.setdefault(name.lower(), []).extend(value if isinstance(value, list) else [value])
        lengths, codings = values.get("content-length", []), values.get("transfer-encoding", [])
        if len(lengths) > 1 or (lengths and codings):
            raise ValueError("headers: an answer has one Content-Length alone, or one Transfer-Encoding")
        if lengths and lengths != [str(len(self._bytes))]:
            raise ValueError(f"headers: Content-Length is {lengths[0][:20]}, and the body has {len(self._bytes)} bytes")
        if codings and (codings != ["chunked"] or self.status in _WITHOUT_BODY):
            raise ValueError(f"headers: Transfer-Encoding must be chunked, with a body, not {quoted(codings[0])}")

    def response(self) -> StubResponse:
        """Return what is answered."""
        dribble, distribution = self.chunked_dribble_delay, self.delay_distribution
        fixed, error_type = self.fixed_delay_milliseconds, self.transformer_parameters.error_type
        error = None
        if error_type is not None:
            error = of_status(self.status, error_type).error("refused, as the test has planned")
        return StubResponse(
            self.status,
            self.status_message,
            self._headers(),
            self._bytes,
            Delays(None if fixed is None else fixed / 1000, distribution.draw if distribution else None),
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
    def _whole(self) -> Self:
        if self.id is not None and self.uuid is not None and self.id != self.uuid:
            raise ValueError("id and uuid are two names of one thing, and must not differ")
        if self.scenario_name is None:
            for name in ("required_scenario_state", "new_scenario_state"):
                if getattr(self, name) is not None:
                    raise ValueError(f"{self.alias(name)} needs scenarioName")
        custom = self.request.custom_matcher
        if custom is not None:
            raise ValueError("request.customMatcher tells of answers: it finds calls, and cannot choose what to answer")
        return self


def check_writable(content: Any) -> None:
    """Check that a value can be given back as JSON.

    Raises:
        ValueError: it holds what JSON has no word for: NaN, half of a surrogate pair, an object of Python's
    """
    try:
        json.dumps(content, allow_nan=False, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("it has half of a surrogate pair") from None
    except TypeError as exc:
        raise ValueError(str(exc)) from None


def stub_mapping(content: Any, mapping_id: str | None = None) -> StubMapping:
    """Return the mapping that some JSON describes.

    Args:
        content: the JSON
        mapping_id: the id that it gets, whatever it says; None: its own, or a new one

    Raises:
        pydantic.ValidationError: it describes none
        ValueError: it cannot be given back as JSON, or is nested too deeply
    """
    try:
        check_writable(content)
        return _stub_mapping(content, mapping_id)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _stub_mapping(content: Any, mapping_id: str | None) -> StubMapping:
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
        USUAL_PRIORITY if form.priority is None else form.priority,
        form.scenario_name,
        form.required_scenario_state,
        form.new_scenario_state,
        form.response.transformer_parameters.times,
    )


class SettingsForm(SchemaModel):
    """WireMock's global settings; nothing is proxied here, so what they say of proxying carries no behaviour."""

    fixed_delay: Milliseconds | None = None
    delay_distribution: DelayDistribution | None = None
    proxy_pass_through: bool = True

    @property
    def delays(self) -> Delays:
        """How long every answer is held back."""
        fixed, distribution = self.fixed_delay, self.delay_distribution
        return Delays(None if fixed is None else fixed / 1000, distribution.draw if distribution else None)


class ScenarioState(SchemaModel):
    """The state that a scenario is brought into."""

    state: Annotated[str, Field(min_length=1)]
