"""Clients of language models."""
from __future__ import annotations

import ctypes
import json
import math
import os
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Optional, Sequence, Tuple, Union

from . import _abi
from ._call import ANSWERED, DELTA, Call, guard, refuse_inside, take_token
from ._handle import Callback, Handle, make, make_from_ops, pointer_of
from ._lib import check, lib, milliseconds, options, string_list, text
from .budget import Budget
from .context import Cancel, Context
from .errors import InvalidError

Messages = Union[str, Sequence[Union[Tuple[str, str], Mapping[str, str]]]]
Path = Union[str, "os.PathLike[str]"]

_RULES = {"weighted": _abi.AIRE_ENSEMBLE_WEIGHTED, "bandit": _abi.AIRE_ENSEMBLE_BANDIT}


@dataclass
class Answer:
    """What a model answered. Counts and times are 0 where they are not known."""

    text: str
    thinking: str = ""
    finish: str = "stop"  # "stop", "length", "refusal", or the provider's own word
    input_tokens: int = 0  # cached ones included
    output_tokens: int = 0  # thinking included
    cost: Optional[float] = None  # dollars; None: not known
    model: str = ""  # that an ensemble chose
    cached_tokens: int = 0
    thinking_tokens: int = 0
    request_id: str = ""  # the provider's, for asking it
    latency: float = 0.0  # seconds from the first try to the last byte
    first: float = 0.0  # seconds of the last try until its first piece came
    attempts: int = 0


def _answer_from(pointer) -> Answer:
    said = lib.aire_answer_get(pointer).contents
    return Answer(_decode(said.text), _decode(said.thinking), _decode(said.finish), said.input_tokens,
                  said.output_tokens, said.cost if said.cost >= 0 else None, _decode(said.model),
                  said.cached_tokens, said.thinking_tokens, _decode(said.request_id), said.latency_ms / 1000,
                  said.first_ms / 1000, said.attempts)


def _answer_to(answer: Answer):
    return options(_abi.aire_answer_options, attempts=answer.attempts, text=_body(answer.text),
                   thinking=_body(answer.thinking), finish=text(answer.finish), input_tokens=answer.input_tokens,
                   output_tokens=answer.output_tokens, cached_tokens=answer.cached_tokens,
                   thinking_tokens=answer.thinking_tokens, request_id=text(answer.request_id),
                   latency_ms=int(answer.latency * 1000), first_ms=int(answer.first * 1000),
                   cost=-1.0 if answer.cost is None else answer.cost, model=text(answer.model))


def _decode(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _body(value: Optional[str]) -> Optional[bytes]:
    """A text whose end would be lost where it holds a NUL."""
    if value is not None and "\0" in value:
        raise InvalidError(_abi.AIRE_INVALID, "a text for a model holds a NUL character")
    return text(value)


def _messages(given: Messages):
    pairs = [("user", given)] if isinstance(given, str) else [
        (item["role"], item["content"]) if isinstance(item, Mapping) else item for item in given]
    return (_abi.aire_message * len(pairs))(*((_body(role), _body(body)) for role, body in pairs))


def _request(messages, max_tokens, temperature, top_p, seed, thinking_tokens, effort, schema, stop, purpose,
             plan_id, idea_id):
    items = _messages(messages)
    if schema is not None and not isinstance(schema, str):
        schema = json.dumps(schema)
    given = options(_abi.aire_request, max_tokens=max_tokens, messages=items, message_count=len(items),
                    temperature=math.nan if temperature is None else temperature, top_p=top_p, seed=seed,
                    thinking_tokens=thinking_tokens, effort=_body(effort), schema=_body(schema),
                    purpose=_body(purpose), plan_id=plan_id, idea_id=idea_id)
    stops = string_list([stop] if isinstance(stop, str) else stop)
    given.stop = ctypes.cast(stops, type(given.stop))
    return given


def key_variable(spec: str) -> Optional[str]:
    """The environment variable in which users of a specification's provider keep their key; None if there is none."""
    name = lib.aire_model_key_variable(text(spec))
    return None if name is None else name.decode()


def _key_of_environment(spec: str) -> Optional[str]:
    variable = key_variable(spec)
    return (os.environ.get(variable) if variable else None) or os.environ.get("AIRE_API_KEY") or None


def _key_function(key: Callable[[], Union[str, bytes]]):
    def call(buffer, size, _user_data):
        given = key()
        if not isinstance(given, (str, bytes)):
            raise TypeError(f"key() gave {type(given).__name__}, not str or bytes")
        data = given.encode() if isinstance(given, str) else given
        if b"\0" in data or len(data) >= size:
            raise InvalidError(_abi.AIRE_INVALID, f"key() gave {len(data)} bytes, expected at most {size - 1}, "
                                                  "none of them NUL")
        ctypes.memmove(buffer, data + b"\0", len(data) + 1)
    return _abi.aire_key_fn(guard(call))


class Model(Handle):
    """A client, by specification: "chat:MODEL@URL", "anthropic:MODEL", "openai:MODEL", "gemini:MODEL",
    "bedrock:REGION/MODEL", or "replay:FILE".

    The key is `api_key`, or what `key()` gives for each request. Without either it is the value of the
    environment variable that key_variable(spec) names, or else of AIRE_API_KEY, if one is set; an
    `api_key` of "" is no key at all. It goes into the request's header, and is never stored or shown.

    `timeout` is of a whole request and `stall` the longest silence of a try, in seconds; `proxy` is an URL
    instead of what the environment says, "" for none; `ca_file` and `prices_path` are used instead of the
    system's certificates and the installed prices.
    """

    _type = "model"
    _callbacks = ()  # what may have raised on the thread of a call through an ideator

    def __init__(self, ctx: Context, spec: str, api_key: Optional[str] = None, timeout: Optional[float] = None,
                 max_attempts: int = 0, *, key: Optional[Callable[[], Union[str, bytes]]] = None,
                 stall: Optional[float] = None, ca_file: Optional[Path] = None, proxy: Optional[str] = None,
                 requests_per_minute: int = 0, tokens_per_minute: int = 0, budget: Optional[Budget] = None,
                 prices_path: Optional[Path] = None) -> None:
        self._ctx = ctx
        if api_key is None and key is None:
            api_key = _key_of_environment(spec)
        function = _abi.aire_key_fn() if key is None else _key_function(key)
        given = options(_abi.aire_model_options, timeout_ms=milliseconds(timeout), api_key=_body(api_key) or None,
                        max_attempts=max_attempts, stall_ms=milliseconds(stall), key=function,
                        ca_file=text(ca_file), proxy=text(proxy), requests_per_minute=requests_per_minute,
                        tokens_per_minute=tokens_per_minute, budget=pointer_of(budget),
                        prices_path=text(prices_path))
        super().__init__(make("model", lib.aire_model_new, ctx._p, text(spec), ctypes.byref(given)),
                         keep=(function,))

    @property
    def name(self) -> str:
        return lib.aire_model_name(self._p).decode()

    def complete(self, messages: Messages, *, max_tokens: int = 0, temperature: Optional[float] = None,
                 top_p: float = 0.0, seed: int = 0, thinking_tokens: int = 0, effort: Optional[str] = None,
                 schema: Union[Mapping[str, Any], str, None] = None, stop: Union[str, Sequence[str], None] = None,
                 purpose: Optional[str] = None, plan_id: int = 0, idea_id: int = 0,
                 on_delta: Optional[Callable[[str, str], Any]] = None,
                 cancel: Optional[Cancel] = None) -> Optional[Answer]:
        """Ask, and wait. Gives an Answer; None when a replay has no more.

        `messages` are (role, text) pairs or {"role", "content"} dictionaries; a str is one of the user.
        What is left out is the provider's default. `thinking_tokens` of -1 is no thinking; `effort` is
        "minimal", "low", "medium" or "high"; `schema` is a JSON schema that the text has to be of; `stop`
        at most 4 texts. `purpose`, `plan_id` and `idea_id` go into the call's record.

        `on_delta(kind, text)` is told of the answer piece by piece, on a thread that serves all requests,
        and has to return at once: kind is "text", "thinking", or "restart" when it begins anew. What it
        raises ends the request and is raised here.
        """
        refuse_inside()
        call = self._start(_request(messages, max_tokens, temperature, top_p, seed, thinking_tokens, effort, schema,
                                    stop, purpose, plan_id, idea_id), on_delta, cancel)
        try:
            return call.result()
        except BaseException:
            if not call.done():  # Ctrl-C
                call.cancel()
                call._stop(also_shared=cancel is not None)
            raise

    def start(self, messages: Messages, *, max_tokens: int = 0, temperature: Optional[float] = None,
              top_p: float = 0.0, seed: int = 0, thinking_tokens: int = 0, effort: Optional[str] = None,
              schema: Union[Mapping[str, Any], str, None] = None, stop: Union[str, Sequence[str], None] = None,
              purpose: Optional[str] = None, plan_id: int = 0, idea_id: int = 0,
              on_delta: Optional[Callable[[str, str], Any]] = None,
              cancel: Optional[Cancel] = None) -> "Future[Optional[Answer]]":
        """Ask as complete(), and do not wait: gives a Future of what complete() gives or raises.

        Thousands may be under way at once, without a thread of their own. Future.cancel() gives the request
        up. For that each has a token, which takes a descriptor; requests beyond a quarter of those that the
        process may have get none, nor do those with a token of yours (`cancel`), which many may share: of
        them Future.cancel() only lets go of the answer.

        Functions that are added to the future are called on a thread that serves all requests: they have to
        return soon, and cannot wait for a model.
        """
        return self._start(_request(messages, max_tokens, temperature, top_p, seed, thinking_tokens, effort, schema,
                                    stop, purpose, plan_id, idea_id), on_delta, cancel)

    async def acomplete(self, messages: Messages, **request: Any) -> Optional[Answer]:
        """As complete(), for asyncio. Cancelling the task gives the request up."""
        import asyncio  # only by those who use it

        return await asyncio.wrap_future(self.start(messages, **request))

    def feedback(self, member: str, reward: Optional[float], baseline: float) -> None:
        """Tell what came of an answer of `member`: its reward (None: it failed), and what it had to beat.

        An ensemble learns from it whom to ask; other models ignore it.
        """
        check(lib.aire_model_feedback(self._p, text(member), math.nan if reward is None else reward, baseline))

    def _start(self, request, on_delta, cancel) -> Call:
        model = self._p
        token, is_shared = (cancel, True) if cancel is not None else take_token(self._ctx)
        call = Call(token, is_shared, on_delta, _answer_from, (self._keep, self._ctx))

        def start(number):
            if on_delta is not None:
                request.delta = DELTA
                request.delta_user_data = number
            return lib.aire_model_start(model, ctypes.byref(request), token._p, ANSWERED, number)

        call._begin(start)
        return call


class Recorder(Model):
    """Asks another model, and appends each call to a cassette, a file that "replay:FILE" plays."""

    def __init__(self, ctx: Context, model: Model, path: Path) -> None:
        self._ctx = ctx
        Handle.__init__(self, make("model", lib.aire_model_new_recorder, ctx._p, model._p, text(path)),
                        keep=(model._keep,))


class Ensemble(Model):
    """A model made of models, whose names must differ. Answer.model says which one answered.

    `rule` is "weighted" (by `weights`, one for each; equal ones without), or "bandit": by what feedback()
    has told, where `cost_weight` goes from 0 (only rewards) to 1 (only cost), and a larger `exploration`
    tries more.
    """

    def __init__(self, ctx: Context, models: Sequence[Model], rule: str = "weighted", *,
                 weights: Optional[Sequence[float]] = None, seed: int = 0, cost_weight: Optional[float] = None,
                 exploration: Optional[float] = None, name: Optional[str] = None) -> None:
        self._ctx = ctx
        if rule not in _RULES:
            raise InvalidError(_abi.AIRE_INVALID, f"rule is {rule!r}, expected one of {', '.join(_RULES)}")
        if weights is not None and len(weights) != len(models):
            raise InvalidError(_abi.AIRE_INVALID, f"{len(weights)} weights for {len(models)} models")
        members = (ctypes.POINTER(_abi.aire_model) * len(models))(*(model._p for model in models))
        given = options(_abi.aire_ensemble_options, rule=_RULES[rule], models=members, model_count=len(models),
                        seed=seed, exploration=exploration, name=text(name),
                        cost_weight=-1.0 if cost_weight == 0 else cost_weight)  # 0 is the library's default
        if weights is not None:
            given.weights = (ctypes.c_double * len(weights))(*weights)
        Handle.__init__(self, make("model", lib.aire_ensemble_new, ctx._p, ctypes.byref(given)),
                        keep=tuple(model._keep for model in models))


class HostModel(Model):
    """A model of the host's own: complete(messages) -> Answer or str, called on threads of the library.

    What it raises is raised by complete(), start() and acomplete().
    """

    def __init__(self, ctx: Context, name: str,
                 complete: Callable[[Sequence[Tuple[str, str]]], Union[Answer, str]]) -> None:
        self._ctx = ctx
        callback = Callback()
        self._callbacks = (callback,)

        def call(request, _cancel, out, _user_data):
            messages = [(_decode(m.role), _decode(m.text))
                        for m in request.contents.messages[:request.contents.message_count]]
            answer = complete(messages)
            given = _answer_to(Answer(answer) if isinstance(answer, str) else answer)
            check(lib.aire_answer_new(ctx._p, ctypes.byref(given), out))

        ops = options(_abi.aire_model_ops)
        ops.complete = type(ops.complete)(guard(callback.noted(call)))
        Handle.__init__(self, make_from_ops("model", lib.aire_model_new_from_ops, ctx._p, text(name), ops=ops))
