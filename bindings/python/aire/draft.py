"""Drafts: every answer with which a model tried to turn an idea into a patch, and what came of it."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from ._lib import lib
from .records import CAUSES, OUTCOMES

_OUTCOME_NAMES = {value: name for name, value in OUTCOMES.items()}
_CAUSE_NAMES = {value: name for name, value in CAUSES.items()}


@dataclass(frozen=True)
class Draft:
    """One answer, as the store keeps it."""

    kind: str  # "patch", "revision", "repair", "check"
    run_id: int
    number: int  # of the run's drafts, from 1
    repair: int  # 0: the idea's patch is being written; from 1: its repairs
    candidate: int
    round: int  # 0: the candidate's first answer; from 1: its revisions
    chosen: bool  # of all candidates this one went on
    outcome: str
    cause: str
    model: str
    sent: str  # what was sent back to the model: a refusal, lines of a log
    answer: str
    patch: str  # as it was applied; "" if it did not apply
    message: str
    input_tokens: int
    output_tokens: int
    latency_ms: int
    cost: Optional[float]  # in US dollars; None if unknown

    @classmethod
    def _borrow(cls, pointer):
        c = pointer.contents
        words = {name: getattr(c, name).decode() for name in ("model", "sent", "answer", "patch", "message")}
        numbers = {name: getattr(c, name) for name in ("run_id", "number", "repair", "candidate", "round",
                                                       "input_tokens", "output_tokens", "latency_ms")}
        return cls(kind=lib.aire_draft_kind_name(c.kind).decode(), chosen=bool(c.chosen),
                   outcome=_OUTCOME_NAMES.get(c.outcome, "?"), cause=_CAUSE_NAMES.get(c.cause, "?"),
                   cost=c.cost if c.cost >= 0 else None, **words, **numbers)
