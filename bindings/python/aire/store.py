"""Stores: everything that a search has tried, in one file."""
from __future__ import annotations

import ctypes
import math
import os
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Union

from . import _abi
from ._handle import Handle, make
from ._lib import check, lib, options, text
from .draft import Completion, Draft
from .records import RUN_KINDS, Idea, Result, take_list
from .stats import summary_dict


@dataclass(frozen=True)
class Confirmation:
    """What is known of an idea from its confirming runs; summaries are as summary() gives them."""

    idea_id: int
    failures: int  # confirming runs that ended without a reward
    idea: Dict[str, Any]
    baseline: Optional[Dict[str, Any]]  # on the same seeds; None: it has no rewards there, and so the next two
    gain: Optional[float]  # difference of the means
    p: Optional[float]  # one-sided rank test


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

    def drafts(self, run_id: int) -> List[Draft]:
        """What models answered when they were to write the patch of a run, in order."""
        return take_list("drafts", Draft, lib.aire_store_drafts, self._p, run_id)

    def completion(self) -> List[Completion]:
        """How many ideas became a run that ended well, and what the others failed of."""
        return take_list("completions", Completion, lib.aire_store_completion, self._p)

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

    def confirmation(self, idea_id: int) -> Optional[Confirmation]:
        """Compare an idea's confirming runs with the baseline's; None if it has none with a reward."""
        return self._confirmation(lib.aire_store_confirmation, idea_id)

    def best_confirmed(self, least: int = 1) -> Optional[Confirmation]:
        """The idea with the highest mean of at least `least` confirming runs, none of which failed."""
        return self._confirmation(lib.aire_store_best_confirmed, least)

    def _confirmation(self, function, number) -> Optional[Confirmation]:
        out = options(_abi.aire_confirmation)
        if check(function(self._p, number, ctypes.byref(out))) != _abi.AIRE_OK:
            return None
        return Confirmation(out.idea_id, out.failures, summary_dict(out.idea),
                            summary_dict(out.baseline) if out.baseline.count else None,
                            None if math.isnan(out.gain) else out.gain, None if math.isnan(out.p) else out.p)

    def export_run(self, run_id: int, path: Union[str, "os.PathLike[str]"]) -> None:
        """Write a finished run, with its idea and patch, as one file (a tar archive, compressed by zstd)."""
        check(lib.aire_store_export(self._p, run_id, text(path)))

    def import_run(self, path: Union[str, "os.PathLike[str]"]) -> int:
        """Take a run over from such a file, before the executor is made; gives its number here.

        Taking the same one again adds nothing. Whatever is not a small archive of plain files is refused.
        """
        run_id = ctypes.c_int64()
        check(lib.aire_store_import(self._p, text(path), ctypes.byref(run_id)))
        return run_id.value

    def pin(self, run_id: int) -> None:
        """Keep the files of a run, as far as the manifest's retention has kept them, in any case."""
        check(lib.aire_store_pin(self._p, run_id, 1))

    def unpin(self, run_id: int) -> None:
        check(lib.aire_store_pin(self._p, run_id, 0))

    def pinned(self, run_id: int) -> bool:
        out = ctypes.c_int32()
        check(lib.aire_store_pinned(self._p, run_id, ctypes.byref(out)))
        return bool(out.value)

    def check(self) -> None:
        """Check the whole store; raises CorruptError, which says what is wrong."""
        check(lib.aire_store_check(self._p))
