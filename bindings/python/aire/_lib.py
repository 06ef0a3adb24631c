"""Find and load the library, and declare its functions from the generated table."""
import ctypes
import ctypes.util
import math
import os

from . import _abi
from .errors import AbiError, InvalidError, make_error

MAJOR, MINOR = 0, 1  # what these bindings were made for
SONAME = f"libaire.so.{MAJOR}"


def _candidates():
    """Where to look: the variable AIRE_LIBRARY, the loader's path, the linker's path."""
    named = os.environ.get("AIRE_LIBRARY")
    if named:
        return [named]
    return [SONAME] + [name for name in (ctypes.util.find_library("aire"),) if name]


def _open():
    tried = []
    for name in _candidates():
        try:
            return ctypes.CDLL(name)
        except OSError as error:
            tried.append(f"{name}: {error}")
    raise ImportError("libaire was not found; set AIRE_LIBRARY to the path of libaire.so, or put its directory "
                      "in LD_LIBRARY_PATH. Tried: " + "; ".join(tried))


def _declare(library):
    for name, (result, parameters) in _abi.FUNCTIONS.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = parameters


def _check_version(library):
    number = library.aire_version_number()
    if number // 1000000 != MAJOR or number // 1000 % 1000 != MINOR:
        raise AbiError(_abi.AIRE_ABI, f"bindings for libaire {MAJOR}.{MINOR} found version "
                       f"{library.aire_version_string().decode()}")


lib = _open()
_declare(lib)
_check_version(lib)


def last_error(status):
    """The exception for the call that just failed on this thread."""
    detail = lib.aire_last_error()
    message = lib.aire_error_message(detail).decode("utf-8", "replace")
    if lib.aire_error_status(detail) != status or not message:
        message = lib.aire_status_message(status).decode()
    return make_error(status, message, lib.aire_error_code(detail))


def check(status):
    """Raise for a failure; give the status back otherwise (it may be DONE or EMPTY)."""
    if status < 0:
        raise last_error(status)
    return status


def text(value):
    """A str as the bytes that the library takes; None stays None."""
    return None if value is None else os.fsencode(value) if isinstance(value, os.PathLike) else value.encode()


def string_list(values):
    """A sequence of str as a C array that ends in NULL; None stays None."""
    if values is None:
        return None
    encoded = [text(value) for value in values]
    return (ctypes.c_char_p * (len(encoded) + 1))(*encoded, None)


def options(struct_type, /, **fields):
    """An options struct with its size set; None and 0 leave the default. A number that does not fit is no other."""
    struct = struct_type()
    struct.struct_size = ctypes.sizeof(struct_type)
    for name, value in fields.items():
        if value is not None:
            setattr(struct, name, value)
            if isinstance(value, int) and getattr(struct, name) != value:
                raise InvalidError(_abi.AIRE_INVALID, f"{name} is {value}: out of range")
    return struct


def int_array(kind, values):
    """Whole numbers as a C array, which is there also for none of them (NULL would be the default)."""
    array = (kind * max(1, len(values)))(*values)
    for given, kept in zip(values, array):
        if given != kept:
            raise InvalidError(_abi.AIRE_INVALID, f"{given} is out of range")
    return array


def milliseconds(seconds):
    """Seconds, which may be None for the default, as the library counts them."""
    if seconds is None:
        return 0
    if not seconds >= 0:
        raise InvalidError(_abi.AIRE_INVALID, f"{seconds} is no time")
    return min(math.ceil(seconds * 1000), 2**31 - 1) if seconds != math.inf else 2**31 - 1
