"""Clients of language models."""
import ctypes
import math
from dataclasses import dataclass

from . import _abi
from ._handle import Callback, Handle, interruptible, make, make_from_ops, pointer_of, raise_first
from ._lib import check, lib, options, text
from .context import Cancel


@dataclass
class Answer:
    """What a model answered."""

    text: str
    thinking: str = ""
    finish: str = "stop"
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = -1.0  # dollars; negative: not known
    model: str = ""  # that an ensemble chose


def _answer_from(pointer):
    fields = lib.aire_answer_get(pointer).contents
    return Answer(fields.text.decode(), fields.thinking.decode(), fields.finish.decode(),
                  fields.input_tokens, fields.output_tokens, fields.cost, fields.model.decode())


class Model(Handle):
    """A client, by specification: "chat:MODEL@URL" or "replay:FILE". The key is never kept anywhere."""

    _type = "model"
    _callbacks = ()

    def __init__(self, ctx, spec, api_key=None, timeout=None, max_attempts=0):
        self._ctx = ctx
        given = options(_abi.aire_model_options, timeout_ms=int(timeout * 1000) if timeout else 0,
                        api_key=text(api_key), max_attempts=max_attempts)
        super().__init__(make("model", lib.aire_model_new, ctx._p, text(spec), ctypes.byref(given)))

    @property
    def name(self):
        return lib.aire_model_name(self._p).decode()

    def complete(self, messages, *, max_tokens=0, temperature=math.nan, seed=0, purpose=None, cancel=None):
        """Ask: `messages` are (role, text) pairs. Gives an Answer; None when a replay has no more."""
        items = (_abi.aire_message * len(messages))(*((text(role), text(body)) for role, body in messages))
        request = options(_abi.aire_request, max_tokens=max_tokens, messages=items, message_count=len(items),
                          temperature=temperature, seed=seed, purpose=text(purpose))
        out = ctypes.POINTER(_abi.aire_answer)()
        token = cancel or Cancel(self._ctx)

        def call():
            status = lib.aire_model_complete(self._p, ctypes.byref(request), pointer_of(token), ctypes.byref(out))
            raise_first(*self._callbacks)
            return check(status)

        status = interruptible(token, call)
        if status != _abi.AIRE_OK:
            return None
        try:
            return _answer_from(out)
        finally:
            lib.aire_answer_unref(out)


class HostModel(Model):
    """A model of the host's own: complete(messages) -> Answer or str, called on threads of the library."""

    def __init__(self, ctx, name, complete):
        self._ctx = ctx
        callback = Callback()
        self._callbacks = (callback,)

        def call(request, _cancel, out, _user_data):
            messages = [(m.role.decode(), m.text.decode())
                        for m in request.contents.messages[:request.contents.message_count]]
            answer = complete(messages)
            if isinstance(answer, str):
                answer = Answer(answer)
            given = options(_abi.aire_answer_options, text=text(answer.text), thinking=text(answer.thinking),
                            finish=text(answer.finish), input_tokens=answer.input_tokens,
                            output_tokens=answer.output_tokens, cost=answer.cost, model=text(answer.model))
            check(lib.aire_answer_new(ctx._p, ctypes.byref(given), out))

        ops = options(_abi.aire_model_ops)
        ops.complete = type(ops.complete)(callback.guard(call))
        Handle.__init__(self, make_from_ops("model", lib.aire_model_new_from_ops, ctx._p, text(name), ops=ops))
