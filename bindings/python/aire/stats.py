"""Statistics of rewards."""
import ctypes

from . import _abi
from ._lib import check, lib, options


def _array(values):
    values = [float(value) for value in values]
    return (ctypes.c_double * len(values))(*values), len(values)


def summary_dict(given):
    """The library's struct as plain values."""
    return {name: getattr(given, name) for name in ("count", "mean", "deviation", "min", "max")}


def summary(values):
    """Count, mean, deviation (n - 1), min and max; None for no values."""
    array, count = _array(values)
    out = options(_abi.aire_summary)
    if check(lib.aire_stats_summary(array, count, ctypes.byref(out))) != _abi.AIRE_OK:
        return None
    return summary_dict(out)


def rank_test(a, b):
    """One-sided Mann-Whitney test that `a` lies above `b`: the probability of that by chance."""
    a_array, a_count = _array(a)
    b_array, b_count = _array(b)
    p = ctypes.c_double()
    check(lib.aire_stats_rank_test(a_array, a_count, b_array, b_count, ctypes.byref(p)))
    return p.value
