"""Executors: idea -> patch -> build -> run -> evaluate -> result."""
import ctypes

from . import _abi
from ._handle import Handle, make, pointer_of
from ._lib import check, lib, options, text
from .errors import TimeoutError
from .records import RUN_KINDS, STAGES, Result

_SLICE_MS = 200  # how long a wait stays inside the library before Python may see a signal
_STAGE_NAMES = {value: name for name, value in STAGES.items()}


class Executor(Handle):
    """A queue and local workers on a store; takes up what an earlier executor left unfinished.

    `progress(run_id, idea_id, stage)` is told, inside next(), of each stage that begins.
    """

    _type = "executor"

    def __init__(self, ctx, env, sandbox, store, *, workers=0, work_dir=None, implementer=None,
                 progress=None, max_attempts=0, keep_workspaces=False, template_dir=None):
        function = _abi.aire_progress_fn()
        self._progress_error = None
        if progress is not None:
            function = _abi.aire_progress_fn(self._watch(progress))
        given = options(_abi.aire_executor_options, workers=workers, work_dir=text(work_dir),
                        implementer=pointer_of(implementer), progress=function, max_attempts=max_attempts,
                        keep_workspaces=int(keep_workspaces), template_dir=text(template_dir))
        super().__init__(make("executor", lib.aire_executor_new, ctx._p, env._p, sandbox._p, store._p,
                              ctypes.byref(given)), keep=(function,))

    def _watch(self, progress):
        def call(event, _user_data):
            try:
                item = event.contents
                progress(item.run_id, item.idea_id, _STAGE_NAMES.get(item.stage, "?"))
            except BaseException as error:  # raised by next()
                self._progress_error = error
        return call

    def submit(self, idea=None, *, kind=None, seed=0, priority=0):
        """Put a run in the queue (without an idea: of the baseline); gives the run's number."""
        given = options(_abi.aire_submit_options, kind=RUN_KINDS[kind] if kind else 0, seed=seed,
                        priority=priority)
        run_id = ctypes.c_int64()
        check(lib.aire_executor_submit(self._p, pointer_of(idea), ctypes.byref(given), ctypes.byref(run_id)))
        return run_id.value

    def next(self, timeout=None):
        """The next finished Result; None if nothing is queued, running or finished.

        Raises TimeoutError after `timeout` seconds.
        """
        left = None if timeout is None else int(timeout * 1000)
        while True:
            step = _SLICE_MS if left is None else min(left, _SLICE_MS)
            out = ctypes.POINTER(_abi.aire_result)()
            status = lib.aire_executor_next(self._p, step, ctypes.byref(out))
            if self._progress_error is not None:
                error, self._progress_error = self._progress_error, None
                if out:
                    lib.aire_result_unref(out)
                raise error
            if status == _abi.AIRE_EMPTY:
                return None
            if status == _abi.AIRE_OK:
                result = Result.__new__(Result)
                Handle.__init__(result, out)
                return result
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
