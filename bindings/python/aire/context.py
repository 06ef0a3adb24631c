"""Contexts and cancel tokens."""
import ctypes

from . import _abi
from ._handle import Handle, make
from ._lib import check, lib, options

_LEVELS = {"none": _abi.AIRE_LOG_NONE, "error": _abi.AIRE_LOG_ERROR, "warning": _abi.AIRE_LOG_WARNING,
           "info": _abi.AIRE_LOG_INFO, "debug": _abi.AIRE_LOG_DEBUG}
_NAMES = {value: name for name, value in _LEVELS.items()}


def version():
    """Version of the library that is loaded."""
    return lib.aire_version_string().decode()


# Objects keep their context alive after this handle is closed, and nothing tells when the last one has gone.
_loggers = []


class Context(Handle):
    """What everything else is made from: seed and logger.

    `log(level, component, message)` gets lines up to `level` ("error", "warning", "info", "debug"),
    from any thread; what it raises is ignored.
    """

    _type = "ctx"

    def __init__(self, seed=0, log=None, level="info"):
        self._common_token = None  # of requests beyond those that have one of their own
        function = _abi.aire_log_fn()
        if log is not None:
            function = _abi.aire_log_fn(_logger(log))
            _loggers.append(function)
        given = options(_abi.aire_ctx_options, seed=seed, log=function,
                        log_level=_LEVELS[level] if log else 0)
        super().__init__(make("ctx", lib.aire_ctx_new, ctypes.byref(given)))

    @property
    def seed(self):
        return lib.aire_ctx_seed(self._p)

    def _take_text(self, function, *arguments):
        """Call a function whose last parameter receives text that the caller frees."""
        out = ctypes.c_void_p()
        check(function(*arguments, ctypes.byref(out)))
        try:
            return ctypes.string_at(out).decode("utf-8", "replace")
        finally:
            lib.aire_free(self._p, out)


def _logger(log):
    def call(level, component, message, _user_data):
        try:
            log(_NAMES.get(level, "debug"), component.decode("utf-8", "replace"),
                message.decode("utf-8", "replace"))
        except Exception:  # nobody could be told
            pass
    return call


class Cancel(Handle):
    """A cancel token: fire() asks the calls that were given it to stop."""

    _type = "cancel"

    def __init__(self, ctx):
        super().__init__(make("cancel", lib.aire_cancel_new, ctx._p))

    def fire(self):
        lib.aire_cancel_fire(self._p)

    @property
    def fired(self):
        return bool(lib.aire_cancel_fired(self._p))
