"""Ideators: they turn a plan into ideas."""
import ctypes

from . import _abi
from ._handle import Callback, Handle, interruptible, make, make_from_ops, pointer_of, raise_first
from ._lib import check, lib, options, text
from .context import Cancel
from .records import Idea, Plan, pointer_array


def _callbacks_of(handle):
    """Where an exception may wait that an ideator or a model of the caller's raised."""
    return getattr(handle, "_callbacks", ())


class Ideator(Handle):
    """The common part; made as one of the classes below.

    What a function of the caller's raises, that an ideator calls on its way, comes back as it is.
    """

    _type = "ideator"
    _callbacks = ()  # what may have raised on the thread of a call: its own, and those of what it was made from

    def _call(self, cancel, function, release):
        """Make a blocking call of the library; `release` gives up what it put out, if a callback raised."""
        token = cancel or Cancel(self._ctx)

        def call():
            status = function(pointer_of(token))
            try:
                raise_first(*self._callbacks)
            except BaseException:
                release()
                raise
            return check(status)

        return interruptible(token, call)

    def propose(self, plan, cancel=None):
        """At most plan.count ideas; an empty list if none could be had."""
        out = ctypes.POINTER(_abi.aire_ideas)()
        status = self._call(cancel, lambda token: lib.aire_ideator_propose(self._p, plan._p, token, ctypes.byref(out)),
                            lambda: lib.aire_ideas_unref(out))
        if status != _abi.AIRE_OK:
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
    """Asks a language model, by the templates in template_dir (None: the built-in ones)."""

    def __init__(self, ctx, env, model, max_tokens=0, temperature=0.0, seed=0, template_dir=None, context_tokens=0,
                 notes_every=0):
        self._ctx = ctx
        self._callbacks = _callbacks_of(model)
        given = options(_abi.aire_ideator_chat_options, max_tokens=max_tokens, temperature=temperature,
                        seed=seed, template_dir=text(template_dir), context_tokens=context_tokens,
                        notes_every=notes_every)
        super().__init__(make("ideator", lib.aire_ideator_chat_new, ctx._p, env._p, model._p,
                              ctypes.byref(given)), keep=(model,))

    def tell(self, result, cancel=None):
        """New notes after every notes_every results, else None; to be kept, and set again after a restart."""
        out = ctypes.c_void_p()
        self._call(cancel, lambda token: lib.aire_ideator_chat_tell(self._p, result._p, token, ctypes.byref(out)),
                   lambda: lib.aire_free(self._ctx._p, out))
        try:
            return ctypes.string_at(out).decode() if out.value else None
        finally:
            lib.aire_free(self._ctx._p, out)

    def set_notes(self, notes):
        """Set the notes that requests show."""
        check(lib.aire_ideator_chat_set_notes(self._p, text(notes)))


class SchemaIdeator(Ideator):
    """Lets a model, which may be small, choose among the knobs that the manifest declares."""

    def __init__(self, ctx, env, model, max_tokens=0, temperature=0.0, seed=0, template_dir=None, context_tokens=0):
        self._ctx = ctx
        self._callbacks = _callbacks_of(model)
        given = options(_abi.aire_ideator_schema_options, max_tokens=max_tokens, temperature=temperature,
                        seed=seed, template_dir=text(template_dir), context_tokens=context_tokens)
        super().__init__(make("ideator", lib.aire_ideator_schema_new, ctx._p, env._p, model._p,
                              ctypes.byref(given)), keep=(model,))


class ReplayIdeator(Ideator):
    """Proposes recorded ideas from a JSON lines file, in order."""

    def __init__(self, ctx, path):
        self._ctx = ctx
        super().__init__(make("ideator", lib.aire_ideator_replay_new, ctx._p, text(path)))


class SuppliedIdeator(Ideator):
    """Mixes ideas that people supplied, a list or a JSON lines file, into the proposals of another ideator.

    They answer every n-th plan; every=0: the first plans, until there are no more.
    """

    def __init__(self, ctx, other=None, ideas=None, path=None, every=0):
        self._ctx = ctx
        self._callbacks = _callbacks_of(other)
        given = options(_abi.aire_ideator_supplied_options, every=every, path=text(path))
        listed = None
        if ideas is not None:
            ideas = list(ideas)
            listed = make("ideas", lib.aire_ideas_new, ctx._p, pointer_array(_abi.aire_idea, ideas), len(ideas))
            given.ideas = listed
        try:
            super().__init__(make("ideator", lib.aire_ideator_supplied_new, ctx._p, pointer_of(other),
                                  ctypes.byref(given)), keep=(other,))
        finally:
            lib.aire_ideas_unref(listed)


class NoveltyIdeator(Ideator):
    """Drops what is not new from the proposals of another ideator, before anything is paid for running it.

    similarity(text, text) -> float, asked last; alike(idea, earlier, how), told of what is dropped, and of an idea
    that adds back what its parent removed.
    """

    def __init__(self, ctx, inner, words=0.0, meaning=0.0, similarity=None, alike=None):
        self._ctx = ctx
        callback = Callback()
        self._callbacks = (callback, *_callbacks_of(inner))
        given = options(_abi.aire_ideator_novelty_options, words=words, meaning=meaning)
        self._given = given  # its functions may be called after this is closed, by an ideator around it

        def ask(a, b, out, _user_data):
            out[0] = float(similarity(a.decode(), b.decode()))

        def tell(idea, earlier, how, _user_data):
            alike(Idea._borrow(idea), Idea._borrow(earlier), lib.aire_likeness_name(how).decode())

        guarded_tell = callback.guard(tell)
        if similarity is not None:
            given.similarity = _abi.aire_similarity_fn(callback.guard(ask))
        if alike is not None:
            given.alike = _abi.aire_alike_fn(lambda *arguments: guarded_tell(*arguments) and None)
        super().__init__(make("ideator", lib.aire_ideator_novelty_new, ctx._p, inner._p, ctypes.byref(given)),
                         keep=(inner,))

    def add(self, idea):
        """Add an idea that later ones are compared with."""
        check(lib.aire_ideator_novelty_add(self._p, idea._p))


class HostIdeator(Ideator):
    """An ideator of the host's own: propose(plan) -> list of Idea."""

    def __init__(self, ctx, propose):
        self._ctx = ctx
        callback = Callback()
        self._callbacks = (callback,)

        def call(plan, _cancel, out, _user_data):
            ideas = list(propose(Plan._borrow(plan)))
            if not ideas:
                return _abi.AIRE_EMPTY
            check(lib.aire_ideas_new(ctx._p, pointer_array(_abi.aire_idea, ideas), len(ideas), out))

        ops = options(_abi.aire_ideator_ops)
        ops.propose = type(ops.propose)(callback.guard(call))
        super().__init__(make_from_ops("ideator", lib.aire_ideator_new_from_ops, ctx._p, ops=ops))
