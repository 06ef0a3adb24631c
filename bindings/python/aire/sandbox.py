"""Sandboxes: how one command is run, isolated and limited."""
import ctypes
import os
from dataclasses import dataclass, field
from typing import Dict, List, Optional, Sequence, Tuple

from . import _abi
from ._handle import Callback, Handle, interruptible, make, make_from_ops, pointer_of
from ._lib import check, lib, options, string_list, text
from .context import Cancel

_ENGINES = {"bwrap": _abi.AIRE_SANDBOX_BWRAP, "none": _abi.AIRE_SANDBOX_NONE}


@dataclass
class Command:
    """A command to run. `mounts` are (source, target, writable); `limits` fields of aire_limits."""

    argv: Sequence[str]
    env: Dict[str, str] = field(default_factory=dict)
    cwd: Optional[str] = None
    mounts: List[Tuple[str, str, bool]] = field(default_factory=list)
    limits: Dict[str, int] = field(default_factory=dict)
    network: bool = False
    log_path: Optional[str] = None
    report_path: Optional[str] = None


@dataclass
class SandboxExit:
    """How a command ended. `limit` is the AIRE_EXIT_LIMIT_* that ended it, 0 for none."""

    code: int = 0
    signal: int = 0
    limit: int = 0
    wall_ms: int = 0
    user_ms: int = 0
    system_ms: int = 0
    max_rss_bytes: int = 0
    log_bytes: int = 0


def _to_c(command):
    """The C struct, and what it points to."""
    mounts = (_abi.aire_mount * len(command.mounts))(*(
        _abi.aire_mount(ctypes.sizeof(_abi.aire_mount), int(writable), text(source), text(target))
        for source, target, writable in command.mounts))
    limits = options(_abi.aire_limits, **command.limits)
    lists = [string_list(command.argv), string_list(f"{k}={v}" for k, v in command.env.items())]
    given = options(_abi.aire_command, flags=int(command.network), cwd=text(command.cwd), mounts=mounts,
                    mount_count=len(mounts), limits=ctypes.pointer(limits), log_path=text(command.log_path),
                    report_path=text(command.report_path))
    given.argv = ctypes.cast(lists[0], type(given.argv))
    given.env = ctypes.cast(lists[1], type(given.env))
    return given, (lists, mounts, limits)


def _decode_list(array):
    values = []
    while array and array[len(values)] is not None:
        values.append(array[len(values)].decode("utf-8", "replace"))
    return values


def _decode(value):
    return None if value is None else value.decode("utf-8", "replace")


def _from_c(given):
    limits = {}
    if given.limits:
        limits = {name: getattr(given.limits.contents, name) for name, _ in _abi.aire_limits._fields_
                  if name not in ("struct_size", "reserved")}
    mounts = [(_decode(m.source), _decode(m.target), bool(m.flags & _abi.AIRE_MOUNT_WRITABLE))
              for m in given.mounts[:given.mount_count]]
    env = dict(pair.split("=", 1) for pair in _decode_list(given.env))
    return Command(_decode_list(given.argv), env, _decode(given.cwd), mounts, limits,
                   bool(given.flags & _abi.AIRE_COMMAND_NETWORK), _decode(given.log_path),
                   _decode(given.report_path))


class Sandbox(Handle):
    """The built-in sandbox: bubblewrap, supervised by aire-worker.

    `worker` is the program aire-worker where the library was not installed; the variable AIRE_WORKER
    names it, too.
    """

    _type = "sandbox"

    def __init__(self, ctx, engine="bwrap", worker=None, bwrap=None):
        self._ctx = ctx
        given = options(_abi.aire_sandbox_options, engine=_ENGINES[engine], bwrap_path=text(bwrap),
                        worker_path=text(worker or os.environ.get("AIRE_WORKER")))
        super().__init__(make("sandbox", lib.aire_sandbox_new, ctx._p, ctypes.byref(given)))

    def run(self, command, cancel=None):
        """Run a Command and wait until it and everything that it started is gone."""
        given, _keep = _to_c(command)
        ended = options(_abi.aire_exit)
        token = cancel or Cancel(self._ctx)
        interruptible(token, lambda: check(lib.aire_sandbox_run(
            self._p, ctypes.byref(given), pointer_of(token), ctypes.byref(ended))))
        return SandboxExit(*(getattr(ended, name) for name in SandboxExit.__dataclass_fields__))


class HostSandbox(Sandbox):
    """A sandbox of the host's own: run(command) -> SandboxExit, called on threads of the library."""

    def __init__(self, ctx, run):
        self._ctx = ctx
        self._callback = Callback()

        def call(command, _cancel, ended, _user_data):
            result = run(_from_c(command.contents))
            for name in SandboxExit.__dataclass_fields__:
                setattr(ended.contents, name, getattr(result, name))

        ops = options(_abi.aire_sandbox_ops)
        ops.run = type(ops.run)(self._callback.guard(call))
        Handle.__init__(self, make_from_ops("sandbox", lib.aire_sandbox_new_from_ops, ctx._p, ops=ops))
