"""The patch engine on its own: what a model wrote, applied to files in memory."""
import ctypes
from dataclasses import dataclass

from . import _abi
from ._handle import Handle, make
from ._lib import check, lib, options, text
from .records import CAUSES, OUTCOMES, Patch

PLACED = {value: key[len("AIRE_PLACED_"):].lower() for key, value in vars(_abi).items() if key.startswith("AIRE_PLACED_")}
_OUTCOMES = {value: word for word, value in OUTCOMES.items()}
_CAUSES = {value: word for word, value in CAUSES.items()}


@dataclass(frozen=True)
class PlacedHunk:
    """One hunk, block or whole file of a patch: `how` is exact, moved, whitespace, fuzzy, present or whole."""

    path: str
    patch_line: int
    line: int
    how: str
    confidence: float


class AppliedPatch(Handle):
    """What became of a patch."""

    _type = "patch_applied"

    @property
    def outcome(self):
        return _OUTCOMES[lib.aire_patch_applied_outcome(self._p)]

    @property
    def cause(self):
        return _CAUSES[lib.aire_patch_applied_cause(self._p)]

    @property
    def message(self):
        """Why it was refused, in words for whoever wrote it; "" if it was not."""
        return lib.aire_patch_applied_message(self._p).decode("utf-8", "replace")

    @property
    def diff(self):
        """The change as a canonical minimal unified diff."""
        return lib.aire_patch_applied_diff(self._p).decode("utf-8", "replace")

    @property
    def files(self):
        """The files that differ, by path, as bytes; None for one that is removed."""
        found = {}
        for i in range(lib.aire_patch_applied_file_count(self._p)):
            file = options(_abi.aire_patch_applied_file)
            check(lib.aire_patch_applied_get_file(self._p, i, ctypes.byref(file)))
            found[file.path.decode()] = file.data  # patched files are texts, without bytes of 0
        return found

    @property
    def hunks(self):
        found = []
        for i in range(lib.aire_patch_applied_hunk_count(self._p)):
            hunk = options(_abi.aire_patch_applied_hunk)
            check(lib.aire_patch_applied_get_hunk(self._p, i, ctypes.byref(hunk)))
            found.append(PlacedHunk(hunk.path.decode(), hunk.patch_line, hunk.line, PLACED[hunk.how], hunk.confidence))
        return found

    @property
    def statistics(self):
        """Files, hunks, lines added and removed, and the lowest confidence, as a dictionary."""
        sums = options(_abi.aire_patch_statistics)
        check(lib.aire_patch_applied_statistics(self._p, ctypes.byref(sums)))
        return {name: getattr(sums, name) for name, _ in sums._fields_ if name not in ("struct_size", "reserved")}


def apply_patch(ctx, patch, files, *, protected=(), creatable=()):
    """Apply a Patch, or the text of a model's answer, to `files` (bytes or str by path): whole or not at all.

    `protected` names files that may not be changed, `creatable` has globs of names that new files may have. A patch that is refused
    is no exception: see `outcome` and `message` of what is returned.
    """
    if not isinstance(patch, Patch):
        patch = Patch(ctx, patch, answer=True)
    contents = {path: data.encode() if isinstance(data, str) else bytes(data) for path, data in files.items()}
    array = (_abi.aire_patch_file * max(len(contents), 1))()
    for slot, (path, data) in zip(array, contents.items()):
        slot.path, slot.data, slot.length, slot.editable = path.encode(), data, len(data), path not in protected
    given = options(_abi.aire_patch_apply_options, creatable=text("\n".join(creatable)))
    return AppliedPatch(make("patch_applied", lib.aire_patch_apply, ctx._p, patch._p, array, len(contents), ctypes.byref(given)))
