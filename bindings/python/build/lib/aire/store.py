"""Stores: everything that a search has tried, in one file."""
import ctypes

from . import _abi
from ._handle import Handle, make
from ._lib import check, lib, options, text
from .records import RUN_KINDS, Idea, Result, take_list


class Store(Handle):
    """A store. Opened for writing it is held by this process alone; read_only stands beside a writer."""

    _type = "store"

    def __init__(self, ctx, path, read_only=False, must_exist=False):
        self._ctx = ctx
        flags = (read_only and _abi.AIRE_STORE_READ_ONLY) | (must_exist and _abi.AIRE_STORE_MUST_EXIST)
        given = options(_abi.aire_store_options, flags=flags)
        super().__init__(make("store", lib.aire_store_open, ctx._p, text(path), ctypes.byref(given)))

    @property
    def path(self):
        return lib.aire_store_path(self._p).decode()

    def results(self, kind=None, *, by_reward=False, idea_id=0, run_id=0, plan_id=0, limit=0, offset=0):
        """Finished results; by_reward: best first, those without a reward left out."""
        query = options(_abi.aire_store_query, kind=RUN_KINDS[kind] if kind else 0,
                        order=_abi.AIRE_ORDER_REWARD if by_reward else _abi.AIRE_ORDER_RUN, idea_id=idea_id,
                        run_id=run_id, plan_id=plan_id, limit=limit, offset=offset)
        return take_list("results", Result, lib.aire_store_results, self._p, ctypes.byref(query))

    def ideas(self, plan_id=0):
        """All ideas, run or not, in order of their ids."""
        return take_list("ideas", Idea, lib.aire_store_ideas, self._p, plan_id)

    def counts(self):
        """How many there are of each thing."""
        counts = options(_abi.aire_store_counts)
        check(lib.aire_store_count(self._p, ctypes.byref(counts)))
        return {name: getattr(counts, name) for name, _ in counts._fields_
                if name not in ("struct_size", "reserved")}

    def get_note(self, name):
        return self._ctx._take_text(lib.aire_store_get_note, self._p, text(name))

    def set_note(self, name, value):
        check(lib.aire_store_set_note(self._p, text(name), text(value)))
