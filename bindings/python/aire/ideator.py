"""Ideators: they turn a plan into ideas."""
import ctypes

from . import _abi
from ._handle import Callback, Handle, interruptible, make, make_from_ops, pointer_of
from ._lib import check, lib, options, text
from .context import Cancel
from .records import Idea, Plan, pointer_array


class Ideator(Handle):
    """The common part; made as one of the classes below."""

    _type = "ideator"
    _callback = None

    def propose(self, plan, cancel=None):
        """At most plan.count ideas; an empty list if none could be had."""
        out = ctypes.POINTER(_abi.aire_ideas)()
        token = cancel or Cancel(self._ctx)

        def call():
            status = lib.aire_ideator_propose(self._p, plan._p, pointer_of(token), ctypes.byref(out))
            if self._callback:
                self._callback.raise_pending()
            return check(status)

        if interruptible(token, call) != _abi.AIRE_OK:
            return []
        try:
            return [Idea._borrow(lib.aire_ideas_get(out, i)) for i in range(lib.aire_ideas_count(out))]
        finally:
            lib.aire_ideas_unref(out)


class KnobsIdeator(Ideator):
    """Needs no model: combines and perturbs the knobs that the manifest declares."""

    def __init__(self, ctx, env, max_changes=0, seed=0):
        self._ctx = ctx
        given = options(_abi.aire_ideator_knobs_options, max_changes=max_changes, seed=seed)
        super().__init__(make("ideator", lib.aire_ideator_knobs_new, ctx._p, env._p, ctypes.byref(given)))


class ChatIdeator(Ideator):
    """Asks a language model."""

    def __init__(self, ctx, env, model, max_tokens=0, temperature=0.0, seed=0):
        self._ctx = ctx
        given = options(_abi.aire_ideator_chat_options, max_tokens=max_tokens, temperature=temperature,
                        seed=seed)
        super().__init__(make("ideator", lib.aire_ideator_chat_new, ctx._p, env._p, model._p,
                              ctypes.byref(given)), keep=(model._keep,))


class ReplayIdeator(Ideator):
    """Proposes recorded ideas from a JSON lines file, in order."""

    def __init__(self, ctx, path):
        self._ctx = ctx
        super().__init__(make("ideator", lib.aire_ideator_replay_new, ctx._p, text(path)))


class HostIdeator(Ideator):
    """An ideator of the host's own: propose(plan) -> list of Idea."""

    def __init__(self, ctx, propose):
        self._ctx = ctx
        self._callback = Callback()

        def call(plan, _cancel, out, _user_data):
            ideas = list(propose(Plan._borrow(plan)))
            if not ideas:
                return _abi.AIRE_EMPTY
            check(lib.aire_ideas_new(ctx._p, pointer_array(_abi.aire_idea, ideas), len(ideas), out))

        ops = options(_abi.aire_ideator_ops)
        ops.propose = type(ops.propose)(self._callback.guard(call))
        super().__init__(make_from_ops("ideator", lib.aire_ideator_new_from_ops, ctx._p, ops=ops))
