"""Drafts: every answer with which a model tried to turn an idea into a patch, and what came of it all."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from ._lib import lib
from .records import CAUSES, IDEA_KINDS, OUTCOMES, STAGES

_OUTCOME_NAMES = {value: name for name, value in OUTCOMES.items()}
_STAGE_NAMES = {value: name for name, value in STAGES.items()}
_KIND_NAMES = {value: name for name, value in IDEA_KINDS.items()}
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


@dataclass(frozen=True)
class Completion:
    """So many ideas' runs with one end, by the model that wrote their patches and by kind of idea."""

    model: str  # of ideas that brought their patches: who proposed them
    kind: Optional[str]  # "hyper-parameter", "algorithmic"; None: not known
    outcome: str
    stage: str
    cause: str
    runs: int
    drafts: int  # answers and requests that these took
    input_tokens: int
    output_tokens: int
    cost: float  # in US dollars, as far as it is known
    completed: Optional[bool]  # whether the code ran as it should; None: cancelled, or infrastructure or the request to the model failed

    @classmethod
    def _borrow(cls, pointer):
        c = pointer.contents
        completes = lib.aire_completion_completes(pointer)
        return cls(model=c.model.decode(), kind=_KIND_NAMES.get(c.kind), outcome=_OUTCOME_NAMES.get(c.outcome, "?"),
                   stage=_STAGE_NAMES.get(c.stage, "?"), cause=_CAUSE_NAMES.get(c.cause, "?"), runs=c.runs,
                   drafts=c.drafts, input_tokens=c.input_tokens, output_tokens=c.output_tokens, cost=c.cost,
                   completed=None if completes < 0 else bool(completes))
