"""Searchers: they decide what to try next."""
import ctypes

from . import _abi
from ._handle import Callback, Handle, make, make_from_ops
from ._lib import check, lib, options, text
from .records import Plan, Result


class Searcher(Handle):
    """The common part; made as one of the classes below."""

    _type = "searcher"
    _callback = None

    def _call(self, function, *arguments):
        status = function(self._p, *arguments)
        if self._callback:
            self._callback.raise_pending()
        return check(status)

    def ask(self):
        """The next Plan; None when there is nothing more to try, or when results must be told first.

        `done` tells the two apart.
        """
        out = ctypes.POINTER(_abi.aire_plan)()
        status = self._call(lib.aire_searcher_ask, ctypes.byref(out))
        self.done = status == _abi.AIRE_DONE
        if status != _abi.AIRE_OK:
            return None
        plan = Plan.__new__(Plan)
        Handle.__init__(plan, out)
        return plan

    done = False

    def tell(self, result):
        self._call(lib.aire_searcher_tell, result._p)

    def abandon(self, plan):
        """No more ideas will be submitted for the plan."""
        self._call(lib.aire_searcher_abandon, plan._p)


class BestOfN(Searcher):
    """Fresh ideas only."""

    def __init__(self, ctx, store, count=0, batch=0):
        given = options(_abi.aire_searcher_best_of_n_options, count=count, batch=batch)
        super().__init__(make("searcher", lib.aire_searcher_best_of_n_new, ctx._p, store._p,
                              ctypes.byref(given)))


class Evolution(Searcher):
    """The evolutionary search of arXiv 2601.14525."""

    def __init__(self, ctx, store, *, epochs=0, epoch_size=0, batch=0, exploit_sample=0, explore_sample=0,
                 seed=0):
        given = options(_abi.aire_searcher_evolution_options, epochs=epochs, epoch_size=epoch_size,
                        batch=batch, exploit_sample=exploit_sample, explore_sample=explore_sample, seed=seed)
        super().__init__(make("searcher", lib.aire_searcher_evolution_new, ctx._p, store._p,
                              ctypes.byref(given)))


class HostSearcher(Searcher):
    """A searcher of the host's own.

    ask() -> Plan, or None when nothing more is to be tried; tell(result). The plans are numbered and kept
    in the store under `name`.
    """

    def __init__(self, ctx, store, name, ask, tell):
        self._callback = Callback()

        def call_ask(out, _user_data):
            plan = ask()
            if plan is None:
                return _abi.AIRE_DONE
            out[0] = lib.aire_plan_ref(plan._p)

        def call_tell(result, _user_data):
            tell(Result._borrow(result))

        ops = options(_abi.aire_searcher_ops)
        ops.ask = type(ops.ask)(self._callback.guard(call_ask))
        ops.tell = type(ops.tell)(self._callback.guard(call_tell))
        super().__init__(make_from_ops("searcher", lib.aire_searcher_new_from_ops, ctx._p, store._p, text(name),
                                       ops=ops))
