"""Budgets: what calls to models may cost together."""
from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Optional

from . import _abi
from ._handle import Handle, make
from ._lib import check, lib, options
from .context import Context
from .errors import InvalidError


@dataclass(frozen=True)
class Spending:
    """What has been spent of a budget, and what the calls under way (`flying_*`) are estimated to cost."""

    dollars: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    calls: int = 0
    flying_calls: int = 0
    flying_tokens: int = 0
    flying_dollars: float = 0.0


class Budget(Handle):
    """Limits that any number of models may share: Model(..., budget=budget).

    A call that would exceed one raises LimitError. Without limits it only counts. A limit in dollars
    needs the price of every model that shares it, or making the model raises InvalidError.
    """

    _type = "budget"

    def __init__(self, ctx: Context, dollars: Optional[float] = None, tokens: Optional[int] = None,
                 calls: Optional[int] = None) -> None:
        for name, value in (("dollars", dollars), ("tokens", tokens), ("calls", calls)):
            if value == 0:  # which the library would read as no limit
                raise InvalidError(_abi.AIRE_INVALID, f"{name} is 0: leave it out for no limit")
        given = options(_abi.aire_budget_options, dollars=dollars, tokens=tokens, calls=calls)
        super().__init__(make("budget", lib.aire_budget_new, ctx._p, ctypes.byref(given)))

    @property
    def spending(self) -> Spending:
        """What has been spent, as of one moment."""
        out = options(_abi.aire_spending)
        check(lib.aire_budget_spending(self._p, ctypes.byref(out)))
        return Spending(*(getattr(out, name) for name in Spending.__dataclass_fields__))
