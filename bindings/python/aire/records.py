"""The values that travel between rooms: plans, patches, ideas and results. All are immutable."""
import ctypes
import json

from . import _abi
from ._handle import Handle, make, pointer_of
from ._lib import lib, options, text


def _words(name, function):
    """Values and words of a family of constants, such as AIRE_PLAN_*."""
    values = [value for key, value in vars(_abi).items() if key.startswith(name)]
    return {function(value).decode(): value for value in values}


PLAN_KINDS = _words("AIRE_PLAN_", lib.aire_plan_kind_name)
IDEA_KINDS = {lib.aire_idea_kind_name(value).decode(): value
              for value in (_abi.AIRE_IDEA_HYPERPARAMETER, _abi.AIRE_IDEA_ALGORITHMIC)}
RUN_KINDS = _words("AIRE_RUN_", lib.aire_run_kind_name)
OUTCOMES = _words("AIRE_OUTCOME_", lib.aire_outcome_name)
STAGES = _words("AIRE_STAGE_", lib.aire_stage_name)
CAUSES = _words("AIRE_CAUSE_", lib.aire_cause_name)
TRUSTS = _words("AIRE_TRUST_", lib.aire_trust_name)


def pointer_array(kind, handles):
    """Handles as a C array of pointers, for an options struct."""
    return (ctypes.POINTER(kind) * len(handles))(*(handle._p for handle in handles))


class Plan(Handle):
    """What a searcher asks an ideator for."""

    _type = "plan"

    def __init__(self, ctx, kind, count, *, id=0, epoch=0, parents=(), avoid=()):
        given = options(_abi.aire_plan_options, kind=PLAN_KINDS[kind], id=id, epoch=epoch, count=count,
                        parents=pointer_array(_abi.aire_result, parents), parent_count=len(parents),
                        avoid=pointer_array(_abi.aire_idea, avoid), avoid_count=len(avoid))
        super().__init__(make("plan", lib.aire_plan_new, ctx._p, ctypes.byref(given)))

    @property
    def id(self):
        return lib.aire_plan_id(self._p)

    @property
    def kind(self):
        return lib.aire_plan_kind_name(lib.aire_plan_kind(self._p)).decode()

    @property
    def epoch(self):
        return lib.aire_plan_epoch(self._p)

    @property
    def count(self):
        return lib.aire_plan_count(self._p)

    @property
    def parents(self):
        return [Result._borrow(lib.aire_plan_parent(self._p, i))
                for i in range(lib.aire_plan_parent_count(self._p))]

    @property
    def avoid(self):
        return [Idea._borrow(lib.aire_plan_avoid(self._p, i))
                for i in range(lib.aire_plan_avoid_count(self._p))]


class Patch(Handle):
    """The code edits that implement an idea: a unified diff, or with `answer=True` what a model wrote, whatever its form."""

    _type = "patch"

    def __init__(self, ctx, diff, *, answer=False):
        data = text(diff)
        form = _abi.AIRE_PATCH_ANSWER if answer else _abi.AIRE_PATCH_UNIFIED
        super().__init__(make("patch", lib.aire_patch_new, ctx._p, form, data, len(data)))

    @property
    def diff(self):
        return lib.aire_patch_text(self._p).decode("utf-8", "replace")

    def __str__(self):
        return self.diff


class Idea(Handle):
    """A proposal in natural language. `patch` may be None: an Implementer writes one then."""

    _type = "idea"

    def __init__(self, ctx, text_, *, title=None, changes=None, reasoning=None, origin=None, plan=None,
                 ordinal=0, parents=(), patch=None, kind=None):
        ids = (ctypes.c_int64 * len(parents))(*parents)
        given = options(_abi.aire_idea_options, ordinal=ordinal, plan=pointer_of(plan), title=text(title),
                        text=text(text_), changes=text(changes), reasoning=text(reasoning),
                        origin=text(origin), parents=ids, parent_count=len(parents), patch=pointer_of(patch),
                        kind=IDEA_KINDS[kind] if kind else 0)
        super().__init__(make("idea", lib.aire_idea_new, ctx._p, ctypes.byref(given)))

    @property
    def id(self):
        return lib.aire_idea_id(self._p)

    @property
    def ordinal(self):
        return lib.aire_idea_ordinal(self._p)

    @property
    def plan(self):
        return Plan._borrow(lib.aire_idea_plan(self._p))

    @property
    def title(self):
        return lib.aire_idea_title(self._p).decode()

    @property
    def text(self):
        return lib.aire_idea_text(self._p).decode()

    @property
    def changes(self):
        return lib.aire_idea_changes(self._p).decode()

    @property
    def reasoning(self):
        return lib.aire_idea_reasoning(self._p).decode()

    @property
    def kind(self):
        """"hyper-parameter" or "algorithmic", as whoever proposed it said; None: nobody said."""
        kind = lib.aire_idea_kind(self._p)
        return lib.aire_idea_kind_name(kind).decode() if kind else None

    @property
    def origin(self):
        return lib.aire_idea_origin(self._p).decode()

    @property
    def parents(self):
        return [lib.aire_idea_parent(self._p, i) for i in range(lib.aire_idea_parent_count(self._p))]

    @property
    def patch(self):
        return Patch._borrow(lib.aire_idea_patch(self._p))

    def to_dict(self, ctx):
        """The idea as plain values."""
        return json.loads(ctx._take_text(lib.aire_idea_to_json, self._p))


class Result(Handle):
    """How a run ended: outcome x stage x cause, with its metrics. Made by executors."""

    _type = "result"

    def __init__(self, ctx, kind, *, idea=None, run_id=0, seed=0, outcome="ok", stage="none", cause="none",
                 reward=None, trust="evaluated", metrics=None, detail=None):
        names = {name: text(name) for name in metrics or {}}
        array = (_abi.aire_metric * len(names))(*((names[name], metrics[name]) for name in names))
        given = options(_abi.aire_result_options, kind=RUN_KINDS[kind], run_id=run_id, seed=seed,
                        idea=pointer_of(idea), outcome=OUTCOMES[outcome], stage=STAGES[stage],
                        cause=CAUSES[cause], detail=text(detail), trust=TRUSTS[trust], reward=reward,
                        metrics=array, metric_count=len(names))
        super().__init__(make("result", lib.aire_result_new, ctx._p, ctypes.byref(given)))

    @property
    def run_id(self):
        return lib.aire_result_run_id(self._p)

    @property
    def kind(self):
        return lib.aire_run_kind_name(lib.aire_result_kind(self._p)).decode()

    @property
    def seed(self):
        return lib.aire_result_seed(self._p)

    @property
    def idea(self):
        return Idea._borrow(lib.aire_result_idea(self._p))

    @property
    def plan(self):
        return Plan._borrow(lib.aire_result_plan(self._p))

    @property
    def outcome(self):
        return lib.aire_outcome_name(lib.aire_result_outcome(self._p)).decode()

    @property
    def stage(self):
        return lib.aire_stage_name(lib.aire_result_stage(self._p)).decode()

    @property
    def cause(self):
        return lib.aire_cause_name(lib.aire_result_cause(self._p)).decode()

    @property
    def code(self):
        return lib.aire_result_code(self._p)

    @property
    def detail(self):
        return lib.aire_result_detail(self._p).decode("utf-8", "replace")

    @property
    def trust(self):
        return lib.aire_trust_name(lib.aire_result_trust(self._p)).decode()

    @property
    def attempts(self):
        return lib.aire_result_attempts(self._p)

    @property
    def reward(self):
        """The number to maximise; None for a failure, which has none."""
        out = ctypes.c_double()
        status = lib.aire_result_reward(self._p, ctypes.byref(out))
        return out.value if status == _abi.AIRE_OK else None

    @property
    def metrics(self):
        """Values by name."""
        items = [lib.aire_result_metric(self._p, i).contents
                 for i in range(lib.aire_result_metric_count(self._p))]
        return {item.name.decode(): item.value for item in items}

    @property
    def wall_ms(self):
        """Elapsed milliseconds by stage."""
        items = [lib.aire_result_usage(self._p, i).contents
                 for i in range(lib.aire_result_usage_count(self._p))]
        return {lib.aire_stage_name(item.stage).decode(): item.wall_ms for item in items}

    @property
    def patch(self):
        return Patch._borrow(lib.aire_result_patch(self._p))

    @property
    def variant(self):
        return lib.aire_result_variant(self._p).decode()

    @property
    def log_tail(self):
        return lib.aire_result_log_tail(self._p).decode("utf-8", "replace")

    def to_dict(self, ctx):
        """The result as plain values."""
        return json.loads(ctx._take_text(lib.aire_result_to_json, self._p))


def take_list(kind, item, function, *arguments):
    """Call a function whose last parameter receives a list handle; give a Python list of `item`."""
    out = make(kind, function, *arguments)
    try:
        count = getattr(lib, f"aire_{kind}_count")(out)
        get = getattr(lib, f"aire_{kind}_get")
        return [item._borrow(get(out, i)) for i in range(count)]
    finally:
        getattr(lib, f"aire_{kind}_unref")(out)
