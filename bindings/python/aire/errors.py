"""Exceptions: one class for each status that a program may want to catch by itself."""
import builtins

from . import _abi


class AireError(Exception):
    """A call of the library failed. `status` is its code, `code` the errno or HTTP status behind it."""

    def __init__(self, status, message, code=0):
        super().__init__(message)
        self.status = status
        self.code = code


class AbiError(AireError):
    """The loaded library does not fit these bindings."""


class AuthError(AireError):
    """A provider refused the key."""


class BusyError(AireError):
    """Someone else holds the store."""


class CancelledError(AireError):
    """A cancel token was fired."""


class CorruptError(AireError):
    """Stored data is damaged."""


class ExistsError(AireError):
    """What was to be made is there already."""


class FormatError(AireError):
    """Malformed input; the message says where."""


class InvalidError(AireError, ValueError):
    """An argument is invalid."""


class LimitError(AireError):
    """A limit was reached, such as a budget's."""


class NetworkError(AireError):
    """The network failed."""


class NotFoundError(AireError, LookupError):
    """Something that was named is not there."""


class ProtocolError(AireError):
    """A provider sent something unexpected."""


class RateLimitedError(AireError):
    """A provider refused for its rate limit, and no try or no time was left."""


class RefusedError(AireError):
    """Refused by rules, such as those for archives that come from elsewhere."""


class SandboxError(AireError):
    """The sandbox could not be set up."""


class StateError(AireError):
    """Not allowed in this state."""


class TimeoutError(AireError, builtins.TimeoutError):  # noqa: A001 - the library's own word
    """A deadline passed."""


class UnsupportedError(AireError):
    """Not possible on this machine; the message says what is missing."""


_CLASSES = {
    _abi.AIRE_ABI: AbiError,
    _abi.AIRE_AUTH: AuthError,
    _abi.AIRE_BUSY: BusyError,
    _abi.AIRE_CANCELLED: CancelledError,
    _abi.AIRE_CORRUPT: CorruptError,
    _abi.AIRE_EXISTS: ExistsError,
    _abi.AIRE_FORMAT: FormatError,
    _abi.AIRE_INVALID: InvalidError,
    _abi.AIRE_LIMIT: LimitError,
    _abi.AIRE_NET: NetworkError,
    _abi.AIRE_NOT_FOUND: NotFoundError,
    _abi.AIRE_PROTOCOL: ProtocolError,
    _abi.AIRE_RATE_LIMITED: RateLimitedError,
    _abi.AIRE_REFUSED: RefusedError,
    _abi.AIRE_SANDBOX: SandboxError,
    _abi.AIRE_STATE: StateError,
    _abi.AIRE_TIMEOUT: TimeoutError,
    _abi.AIRE_UNSUPPORTED: UnsupportedError,
}


def make_error(status, message, code):
    """The exception for a status; out of memory is Python's own."""
    if status == _abi.AIRE_NOMEM:
        return MemoryError(message)
    return _CLASSES.get(status, AireError)(status, message, code)


def status_of(error):
    """The status that stands for an exception raised in a callback."""
    if isinstance(error, MemoryError):
        return _abi.AIRE_NOMEM
    return error.status if isinstance(error, AireError) else _abi.AIRE_CALLBACK
