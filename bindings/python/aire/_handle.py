"""Handles: Python objects that own one reference on an object of the library."""
import ctypes
import itertools
import threading
import weakref
from typing import Any, Dict

from . import _abi
from ._lib import check, lib
from .errors import StateError, status_of


class Handle:
    """Owns one reference. Subclasses name the library's type in `_type`, such as "store"."""

    _type = ""

    def __init__(self, pointer, keep=()):
        # A pointer of its own, not a view of the caller's variable; `keep` are Python objects that the library's
        # object calls or reads as long as it lives.
        kind = getattr(_abi, f"aire_{self._type}")
        self._pointer = ctypes.cast(pointer, ctypes.POINTER(kind))
        self._keep = keep
        unref = getattr(lib, f"aire_{self._type}_unref")
        self._finalizer = weakref.finalize(self, _release, unref, self._pointer, keep)

    @classmethod
    def _borrow(cls, pointer):
        """A new reference on what a getter lent; None for NULL."""
        if not pointer:
            return None
        self = cls.__new__(cls)
        Handle.__init__(self, getattr(lib, f"aire_{cls._type}_ref")(pointer))
        return self

    @property
    def _p(self):
        """The pointer, for a call of the library."""
        if not self._finalizer.alive:
            raise StateError(_abi.AIRE_STATE, f"this {type(self).__name__} is closed")
        return self._pointer

    def close(self):
        """Release the object now; closing twice is the same as once."""
        self._finalizer()

    @property
    def closed(self):
        return not self._finalizer.alive

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def _release(unref, pointer, keep):
    unref(pointer)


# Tables of functions of the host, by number: the library may call them after the Python object that made them
# is closed, until it says itself that it is done with them, on whichever thread.
_living: Dict[int, Any] = {}
_numbers = itertools.count(1)
_DESTROY = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda number: _living.pop(number, None) and None)


def make_from_ops(kind, function, *arguments, ops):
    """As make, for an object of the host's own: its functions live as long as the library needs them."""
    number = next(_numbers)
    ops.destroy = _DESTROY  # of no table, and so not freed while it runs
    _living[number] = ops
    try:
        return make(kind, function, *arguments, ctypes.byref(ops), number)
    except BaseException:
        _living.pop(number, None)
        raise


def pointer_of(handle):
    """The pointer of an optional handle."""
    return None if handle is None else handle._p


def make(kind, function, *arguments):
    """Call a function whose last parameter receives a new reference; give the pointer."""
    out = ctypes.POINTER(getattr(_abi, f"aire_{kind}"))()
    check(function(*arguments, ctypes.byref(out)))
    return out


class Callback:
    """Python functions that the library calls: an exception is kept and raised after the call."""

    def __init__(self):
        self._local = threading.local()

    def noted(self, function):
        """The function; what it raises is kept for who asks on this thread, and raised."""
        def call(*arguments):
            try:
                return function(*arguments)
            except BaseException as error:
                self._local.error = error
                raise
        return call

    def guard(self, function):
        """A function for the library: never raises, and returns a status."""
        def call(*arguments):
            try:
                return function(*arguments) or _abi.AIRE_OK
            except BaseException as error:  # a callback must not let anything through
                self._local.error = error
                status = status_of(error)
                lib.aire_error_set(status, 0, f"{type(error).__name__}: {error}".encode("utf-8", "replace"))
                return status
        return call

    def take_pending(self):
        """What a callback on this thread raised since it was asked last; None for nothing."""
        error = getattr(self._local, "error", None)
        self._local.error = None
        return error

    def raise_pending(self):
        """Raise what a callback on this thread raised, if it did."""
        raise_first(self)


def raise_first(*callbacks):
    """Raise what the first of some callbacks raised on this thread; the others are forgotten."""
    errors = [error for callback in callbacks if (error := callback.take_pending()) is not None]
    if errors:
        raise errors[0]


def interruptible(cancel, function):
    """Run a blocking call of the library so that Ctrl-C fires its token and ends it.

    A signal handler of Python runs only between instructions, never inside a call of the library:
    the call is made on a thread of its own while this one waits.
    """
    result = []

    def work():
        try:
            result.append((function(), None))
        except BaseException as error:
            result.append((None, error))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(0.2)
    except BaseException:
        cancel.fire()
        thread.join()
        raise
    value, error = result[0]
    if error is not None:
        raise error
    return value
