"""Requests under way: futures that the library's threads complete."""
from __future__ import annotations

import atexit
import ctypes
import itertools
import logging
import resource
import threading
import time
from concurrent.futures import Future

from . import _abi
from ._lib import last_error, lib
from .context import Cancel
from .errors import StateError, status_of

_EXIT_WAIT = 5.0  # seconds that the end of the program waits for requests that it has cancelled
_RAISED_MAX = 256
_TOKENS_SHARE = 4  # of the descriptors that the process may have: the rest is for connections
_KINDS = {0: "restart", _abi.AIRE_DELTA_TEXT: "text", _abi.AIRE_DELTA_THINKING: "thinking"}

# The library is given numbers instead of Python objects, and two functions that live as long as the
# program: so nothing of a request is left when it has ended, and nothing is freed that still runs.
_calls: dict[int, "Call"] = {}
_numbers = itertools.count(1)
# What callbacks raised, by the thread of the system: one that Python did not start has no locals that last.
_raised: dict[int, tuple] = {}
_tokens_lock = threading.Lock()
_own_tokens = 0
_inside: set[int] = set()  # threads that are in one of the functions below


def guard(function):
    """A function for the library: never raises, gives a status; failure() finds what it raised."""
    def call(*arguments):
        try:
            return function(*arguments) or _abi.AIRE_OK
        except BaseException as error:  # a callback must not let anything through
            status = status_of(error)
            message = f"{type(error).__name__}: {error}"[:200]
            if len(_raised) >= _RAISED_MAX:
                _raised.clear()
            _raised[threading.get_native_id()] = (status, message, error)
            lib.aire_error_set(status, 0, message.encode("utf-8", "replace"))
            return status
    return call


def failure(status):
    """The exception for a call that failed on this thread: a callback's own, if that was why."""
    error = last_error(status)
    kept = _raised.pop(threading.get_native_id(), None)
    if kept and kept[0] == status and kept[1] in str(error):
        return kept[2]
    return error


def take_token(ctx):
    """A token for one request, False; or where those have taken their share of descriptors, a common one, True."""
    global _own_tokens
    with _tokens_lock:
        is_own = _own_tokens < resource.getrlimit(resource.RLIMIT_NOFILE)[0] // _TOKENS_SHARE
        if not is_own and ctx._common_token is None:
            ctx._common_token = Cancel(ctx)
        token = Cancel(ctx) if is_own else ctx._common_token
        _own_tokens += is_own
    return token, not is_own


def _give_back(token):
    global _own_tokens
    token.close()
    with _tokens_lock:
        _own_tokens -= 1


def refuse_inside():
    """Waiting on the thread that serves all requests would wait for itself."""
    if threading.get_native_id() in _inside:
        raise StateError(_abi.AIRE_STATE, "complete() was called by a callback of a request, on the thread that "
                                          "serves all requests; use start() there")


class Call(Future):
    """One request. cancel() gives it up, also while it is under way."""

    def __init__(self, token, is_shared, on_delta, read, keep):
        super().__init__()
        self._token = token
        self._is_shared = is_shared
        self._token_lock = threading.Lock()
        self._on_delta = on_delta
        self._read = read
        self._keep = keep
        self._delta_error = None

    def cancel(self) -> bool:
        cancelled = super().cancel()
        if cancelled:
            self._stop()
        return cancelled

    def _stop(self, also_shared=False):
        with self._token_lock:
            if self._token is not None and not self._token.closed and (also_shared or not self._is_shared):
                self._token.fire()

    def _release(self):
        """Nothing of the request is kept by those who keep its future."""
        with self._token_lock:
            token, self._token = self._token, None
        if not self._is_shared:
            _give_back(token)
        self._on_delta = self._keep = None

    def _begin(self, start):
        """start(number) -> status asks; what the library says of the request goes into the future."""
        number = next(_numbers)
        _calls[number] = self
        try:
            _register_exit()
            status = start(number)
        except BaseException:
            _calls.pop(number, None)
            self._release()
            raise
        if status != _abi.AIRE_OK:
            del _calls[number]
            self._end(status, None)

    def _delta(self, kind, piece):
        if self._delta_error is not None or self.cancelled():
            return
        try:
            self._on_delta(kind, piece)
        except BaseException as error:
            self._delta_error = error
            self._stop()

    def _end(self, status, answer):
        value, error = None, None
        try:
            if status < 0:
                error = failure(status)
            elif status == _abi.AIRE_OK:
                value = self._read(answer)
        except BaseException as problem:
            error = problem
        error = self._delta_error or error
        self._release()
        if not self.set_running_or_notify_cancel():
            if self._delta_error is not None:
                logging.getLogger("aire").error("on_delta raised, and the request was cancelled",
                                                exc_info=self._delta_error)
        elif error is not None:
            self.set_exception(error)
        else:
            self.set_result(value)
        self._delta_error = None


def _told(function):
    """A function for the library that returns nothing and lets nothing through."""
    def call(*arguments):
        thread = threading.get_native_id()
        is_outer = thread not in _inside
        _inside.add(thread)
        try:
            function(*arguments)
        except BaseException:
            logging.getLogger("aire").exception("a request's callback failed")
        finally:
            if is_outer:
                _inside.discard(thread)
    return call


def _answered(status, answer, number):
    call = _calls.pop(number)
    call._end(status, answer)
    _raised.pop(threading.get_native_id(), None)


def _delta(kind, pointer, length, number):
    call = _calls.get(number)
    if call is not None:
        piece = ctypes.string_at(pointer, length).decode("utf-8", "replace") if pointer else ""
        call._delta(_KINDS.get(kind, str(kind)), piece)


ANSWERED = _abi.aire_answered_fn(_told(_answered))
# Text with a length is a pointer here: ctypes would look for a NUL at its end.
_DELTA = ctypes.CFUNCTYPE(None, ctypes.c_int32, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)(_told(_delta))
DELTA = ctypes.cast(_DELTA, _abi.aire_delta_fn)


_exit_lock = threading.Lock()
_exit_is_registered = False


def _register_exit():
    """Once there is a request, and so after the handles' own: what comes last is called first."""
    global _exit_is_registered
    with _exit_lock:
        if not _exit_is_registered:
            atexit.register(_at_exit)
            _exit_is_registered = True


def _at_exit():
    """The library's threads must not call into an interpreter that is gone."""
    for call in list(_calls.values()):
        call._stop(also_shared=True)
    deadline = time.monotonic() + _EXIT_WAIT
    while (_calls or _inside) and time.monotonic() < deadline:
        time.sleep(0.01)
