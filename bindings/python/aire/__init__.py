"""Execution-grounded automated AI research: ideas become patches, patches run, rewards steer.

The package binds the C library libaire with ctypes. Every object is a handle on an object of the
library; it is released by close(), by `with`, or with the garbage; what it was made from stays alive
as long as it needs it. A call that fails raises an AireError that carries the library's own message.
"""
from .budget import Budget, Spending
from .context import Cancel, Context, version
from .draft import Completion, Draft
from .embedding import Embedder, cosine
from .environment import Environment
from .errors import (AbiError, AireError, AuthError, BusyError, CancelledError, CorruptError, ExistsError,
                     FormatError, InvalidError, LimitError, NetworkError, NotFoundError, ProtocolError,
                     RateLimitedError, RefusedError, SandboxError, StateError, TimeoutError, UnsupportedError)
from .executor import Executor, Progress
from .ideator import (ChatIdeator, HostIdeator, Ideator, KnobsIdeator, NoveltyIdeator, ReplayIdeator, SchemaIdeator,
                      SuppliedIdeator)
from .model import Answer, Ensemble, HostModel, Model, Recorder, key_variable
from .patch import AppliedPatch, PlacedHunk, apply_patch
from .records import Idea, Patch, Plan, Result
from .sandbox import Command, HostSandbox, Sandbox, SandboxExit
from .searcher import BestOfN, Evolution, HostSearcher, Searcher
from .slurm import Slurm
from .stats import rank_test, summary
from .store import Confirmation, Store

__version__ = "0.1.0"

__all__ = [
    "AbiError", "AireError", "Answer", "AppliedPatch", "AuthError", "BestOfN", "Budget", "BusyError", "Cancel", "CancelledError",
    "ChatIdeator", "Command", "Completion", "Confirmation", "Context", "CorruptError", "Draft", "Embedder", "Ensemble", "Environment",
    "Evolution", "Executor", "ExistsError", "FormatError", "HostIdeator", "HostModel", "HostSandbox", "HostSearcher",
    "Idea", "Ideator", "InvalidError", "KnobsIdeator", "LimitError", "Model", "NetworkError", "NotFoundError",
    "NoveltyIdeator", "Patch", "PlacedHunk", "Plan", "Progress", "ProtocolError", "RateLimitedError", "Recorder", "RefusedError",
    "ReplayIdeator", "Result", "Sandbox", "SandboxError", "SandboxExit", "SchemaIdeator", "Searcher", "Slurm",
    "Spending", "StateError", "Store", "SuppliedIdeator", "TimeoutError", "UnsupportedError", "apply_patch", "cosine",
    "key_variable", "rank_test", "summary", "version",
]
