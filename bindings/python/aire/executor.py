"""Executors: idea -> patch -> build -> run -> evaluate -> result."""
from __future__ import annotations

import collections
import ctypes
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Optional, Sequence, Union

from . import _abi
from ._handle import Handle, make, pointer_of
from ._lib import check, int_array, lib, options, text
from .context import Context
from .environment import Environment
from .errors import TimeoutError
from .model import Model, Path
from .records import RUN_KINDS, STAGES, Idea, Result
from .sandbox import Sandbox
from .slurm import Slurm
from .store import Store

_SLICE_MS = 200  # how long a wait stays inside the library before Python may see a signal
_FORMS = {"unified": _abi.AIRE_FORM_UNIFIED, "blocks": _abi.AIRE_FORM_BLOCKS, "files": _abi.AIRE_FORM_FILES}
_STAGE_NAMES = {value: name for name, value in STAGES.items()}
_RUN_NAMES = {value: name for name, value in RUN_KINDS.items()}


def _form_bits(forms):
    words = [forms] if isinstance(forms, str) else list(forms)
    unknown = [word for word in words if word not in _FORMS]
    if unknown or not words:
        raise ValueError(f"forms: expected some of {', '.join(_FORMS)}, not {unknown or forms!r}")
    return sum({_FORMS[word] for word in words})


@dataclass(frozen=True)
class Progress:
    """What is happening to a run: "stage" begins one, "metric" is a new value of the stream metric."""

    event: str
    run_id: int
    idea_id: int  # 0 for a baseline
    kind: str
    attempt: int
    stage: str
    step: float = 0.0  # of a metric
    value: float = 0.0  # likewise


class _Watchers:
    """The functions that the library calls. It holds no executor: one that nobody uses is released."""

    def __init__(self, progress, watch, output):
        self._progress, self._watch, self._output = progress, watch, output
        self.error = None  # the first that was not raised yet
        self.progress_function = _abi.aire_progress_fn()
        self.output_function = _abi.aire_output_fn()
        if progress is not None or watch is not None:
            self.progress_function = _abi.aire_progress_fn(self._guard(self._tell_progress))
        if output is not None:
            # Data with a length is a pointer here: ctypes would look for a NUL at its end.
            kind = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int32, ctypes.c_void_p, ctypes.c_size_t,
                                    ctypes.c_void_p)
            self.output_function = ctypes.cast(kind(self._guard(self._tell_output)), _abi.aire_output_fn)

    def _guard(self, function):
        def call(*arguments):
            try:
                function(*arguments)
            except BaseException as error:  # raised by next()
                self.error = self.error or error
        return call

    def _tell_progress(self, event, _user_data):
        item = event.contents
        stage = _STAGE_NAMES.get(item.stage, "?")
        is_metric = item.event == _abi.AIRE_PROGRESS_METRIC
        if self._progress is not None and not is_metric:
            self._progress(item.run_id, item.idea_id, stage)
        if self._watch is not None:
            self._watch(Progress("metric" if is_metric else "stage", item.run_id, item.idea_id,
                                 _RUN_NAMES.get(item.kind, "?"), item.attempt, stage, item.step, item.value))

    def _tell_output(self, run_id, stage, data, length, _user_data):
        self._output(run_id, _STAGE_NAMES.get(stage, "?"), ctypes.string_at(data, length))

    def raise_pending(self):
        error, self.error = self.error, None
        if error is not None:
            raise error


class Executor(Handle):
    """A queue and workers on a store; takes up what an earlier executor left unfinished.

    `workers` runs are under way at once, in workspaces below `work_dir`, which `keep_workspaces` leaves
    there. They lease `gpus` (numbers of devices; None: all there are, (): none), `memory_bytes` and
    `disk_bytes` (0: what the machine has). `implementer` writes patches for ideas without one;
    where its budget is used, a run without a patch is put off for the next executor on the store. With `slurm`
    (a Slurm, or a dictionary of its fields) each run is a job of a cluster, and `sandbox` may be None.

    For an idea without a patch `candidates` patches are asked for, `candidates_at_once` of them at once (0: all),
    as `forms` ("unified", "blocks", "files", or some of them); each is given back `revisions` times when it does
    not apply, and the first that applies goes on, after `checker` (another Model; None: no check) has said that it is the idea. It is given
    back `repairs` times when it does not build, fails the manifest's smoke run (left out with smoke=False), or
    crashes within `repair_seconds`. Store.drafts() has all that was answered.

    `progress(run_id, idea_id, stage)` is told, inside next(), of each stage that begins, and
    `watch(progress)`, with a Progress, of those and of the newest values of stream metrics.
    `output(run_id, stage, data)` is told what a stage writes, as bytes, while it writes: on the threads
    that work on runs, several at once; what comes faster than it is taken is left out. What any of them
    raises is raised by next().
    """

    _type = "executor"

    def __init__(self, ctx: Context, env: Environment, sandbox: Optional[Sandbox], store: Store, *, workers: int = 0,
                 work_dir: Optional[Path] = None, implementer: Optional[Model] = None,
                 progress: Optional[Callable[[int, int, str], Any]] = None, max_attempts: int = 0,
                 keep_workspaces: bool = False, gpus: Optional[Sequence[int]] = None, memory_bytes: int = 0,
                 disk_bytes: int = 0, slurm: Union[Slurm, Mapping[str, Any], None] = None,
                 watch: Optional[Callable[[Progress], Any]] = None,
                 output: Optional[Callable[[int, str, bytes], Any]] = None,
                 template_dir: Optional[Path] = None, candidates: int = 1, revisions: int = 2, repairs: int = 1,
                 repair_seconds: int = 10, smoke: bool = True, forms: Union[str, Sequence[str]] = "unified",
                 checker: Optional[Model] = None, candidates_at_once: int = 0) -> None:
        self._watchers = watchers = _Watchers(progress, watch, output)
        self._ready: collections.deque = collections.deque()  # results that were to be given when a function had raised
        given = options(_abi.aire_executor_options, workers=workers, work_dir=text(work_dir),
                        implementer=pointer_of(implementer), progress=watchers.progress_function,
                        max_attempts=max_attempts, keep_workspaces=int(keep_workspaces), memory_bytes=memory_bytes,
                        disk_bytes=disk_bytes, output=watchers.output_function,
                        template_dir=text(template_dir), candidates=candidates, revisions=revisions or -1,
                        repairs=repairs or -1, repair_seconds=repair_seconds or -1, skip_smoke=int(not smoke),
                        forms=_form_bits(forms), checker=pointer_of(checker),
                        candidates_at_once=candidates_at_once)
        if gpus is not None:
            given.gpus = int_array(ctypes.c_int32, gpus)
            given.gpu_count = len(gpus)
        if slurm is not None:
            cluster = (slurm if isinstance(slurm, Slurm) else Slurm(**slurm))._to_c()
            given.slurm = ctypes.pointer(cluster)
        super().__init__(make("executor", lib.aire_executor_new, ctx._p, env._p, pointer_of(sandbox), store._p,
                              ctypes.byref(given)),
                         keep=(watchers.progress_function, watchers.output_function,
                               implementer._keep if implementer else None,
                               checker._keep if checker else None))

    def submit(self, idea: Optional[Idea] = None, *, kind: Optional[str] = None, seed: int = 0,
               priority: int = 0) -> int:
        """Put a run in the queue (without an idea: of the baseline); gives the run's number."""
        given = options(_abi.aire_submit_options, kind=RUN_KINDS[kind] if kind else 0, seed=seed,
                        priority=priority)
        run_id = ctypes.c_int64()
        check(lib.aire_executor_submit(self._p, pointer_of(idea), ctypes.byref(given), ctypes.byref(run_id)))
        return run_id.value

    def confirm(self, idea: Idea, seeds: Sequence[int]) -> None:
        """Run an idea of the store again, and the baseline, once for each seed (fresh ones, from 1).

        When their results have come, Store.confirmation() compares them.
        """
        check(lib.aire_executor_confirm(self._p, idea._p, int_array(ctypes.c_uint64, seeds), len(seeds)))

    def next(self, timeout: Optional[float] = None) -> Optional[Result]:
        """The next finished Result; None if nothing is queued, running or finished.

        Raises TimeoutError after `timeout` seconds.
        """
        left = None if timeout is None else int(timeout * 1000)
        while True:
            self._watchers.raise_pending()
            if self._ready:
                return self._ready.popleft()
            step = _SLICE_MS if left is None else min(left, _SLICE_MS)
            out = ctypes.POINTER(_abi.aire_result)()
            status = lib.aire_executor_next(self._p, step, ctypes.byref(out))
            if status == _abi.AIRE_OK:
                result = Result.__new__(Result)
                Handle.__init__(result, out)
                self._ready.append(result)
                continue
            self._watchers.raise_pending()
            if status == _abi.AIRE_EMPTY:
                return None
            if status != _abi.AIRE_TIMEOUT:
                check(status)
            if left is not None:
                left -= step
                if left <= 0:
                    raise TimeoutError(status, "no result within the given time")

    def results(self):
        """Finished results until nothing is left."""
        while True:
            result = self.next()
            if result is None:
                return
            yield result

    @property
    def pending(self):
        """Number of runs that are queued or running."""
        return lib.aire_executor_pending(self._p)

    def fileno(self):
        """A descriptor that polls readable while next() has something."""
        return lib.aire_executor_fd(self._p)

    def cancel(self, run_id=0):
        """Cancel a run; without a number, all."""
        check(lib.aire_executor_cancel(self._p, run_id))
