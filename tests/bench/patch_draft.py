"""How edits are written down as patches: unified diffs, search/replace blocks, whole files.

A Draft is an answer in the making, in pieces that a kind of damage may take hold of.
"""
import difflib
import functools

from patch_edits import GROUPS, SNIPPETS, read

MARKER = ["\\", " No newline at end of file"]
INTROS = ["Here is the patch.", "I changed only what the idea needs.\n\nThe patch:", "Sure! The following edit implements the idea:",
          "**Plan**\n1. Find the code.\n2. Change it.\n\nThe diff below does both."]
OUTROS = ["This keeps the interface as it is.", "Let me know if you want another variant - e.g. with a longer warm-up.",
          "Notes:\n- no other file changes\n+ nothing to install", ""]


class Skip(Exception):
    """This kind of damage cannot be done to this edit."""


def need(condition):
    if not condition:
        raise Skip


def split(text):
    """Lines with their ends; only a line feed ends one."""
    parts = text.split("\n")
    return [part + "\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def ends(line):
    return line.rstrip("\r\n")


class Hunk:
    """`lines` are pairs [sign, text]; `heading` is written instead of the numbers if it is set. `place` and `expects` stay as
    they were made: where the hunk belongs, and the lines that the file has there."""

    def __init__(self, old_start, new_start, lines):
        self.old_start, self.new_start, self.lines, self.heading, self.after = old_start, new_start, lines, None, []
        self.place, self.expects = old_start, self.old()
        self.recount()

    def recount(self):
        self.old_count = sum(sign in " -" for sign, _ in self.lines if sign)
        self.new_count = sum(sign in " +" for sign, _ in self.lines if sign)

    def old(self):
        return [text for sign, text in self.lines if sign in (" ", "-", "")]

    def new(self):
        return [text for sign, text in self.lines if sign in (" ", "+", "")]

    def written(self):
        def numbers(start, count):
            return str(start) if count == 1 else f"{start},{count}"
        heading = self.heading if self.heading is not None else \
            f"@@ -{numbers(self.old_start, self.old_count)} +{numbers(self.new_start, self.new_count)} @@"
        return ([heading] if heading else []) + [sign + text for sign, text in self.lines] + self.after


@functools.lru_cache(100000)
def likeness(block, text, here):
    """The most lines of a block that stand as they are beside each other anywhere in a text, but for the place `here`."""
    lines = [line.strip() for line in text.split("\n")]
    best = 0
    for at in range(1 - len(block), len(lines)):
        if at != here:
            best = max(best, sum(block[k] == lines[at + k] for k in range(max(0, -at), min(len(block), len(lines) - at))))
    return best


class FileDiff:
    def __init__(self, path, before, after, context=3):
        self.path, self.before, self.after = path, before, after
        self.header = ["--- " + ("/dev/null" if before is None else "a/" + path),
                       "+++ " + ("/dev/null" if after is None else "b/" + path)]
        self.hunks = hunks_between(before or "", after or "", context)


def piece(sign, lines):
    out = []
    for line in lines:
        out.append([sign, ends(line)])
        if not line.endswith("\n"):
            out.append(list(MARKER))
    return out


def hunks_between(before, after, context):
    old, new = split(before), split(after)
    out = []
    for group in difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(context):
        lines = []
        for tag, i, i_end, j, j_end in group:
            if tag == "equal":
                lines += piece(" ", old[i:i_end])
            else:
                lines += piece("-", old[i:i_end]) + piece("+", new[j:j_end])
        i, j, i_end, j_end = group[0][1], group[0][3], group[-1][2], group[-1][4]
        out.append(Hunk(i + 1 if i_end > i else i, j + 1 if j_end > j else j, lines))
    return out


class Block:
    """A search/replace block of a file."""

    def __init__(self, path, search, replace):
        self.path, self.search, self.replace = path, search, replace
        self.open, self.divide, self.close = "<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE"

    def written(self):
        return [line for line in [self.open, *self.search, self.divide, *self.replace, self.close] if line is not None]


class Draft:
    def __init__(self, edit, rng):
        editable, protected = GROUPS[edit.language][edit.group]
        self.edit, self.rng, self.language = edit, rng, edit.language
        self.snippets = SNIPPETS[edit.language]
        self.files = {path: read(path) for path in editable + [protected]}
        self.editable, self.protected = list(editable), protected
        self.after = {path: after for path, (_, after) in edit.changes.items()}
        self.fence, self.fence_end, self.tag = "```", "```", "diff"
        self.intro, self.outro = rng.choice(INTROS), rng.choice(OUTROS)
        self.filters = []  # of the whole answer
        self.form = None
        self.diff()

    def diff(self, context=3):
        """Write the edit down afresh, after the files have changed."""
        self.diffs = [FileDiff(path, self.files.get(path), after, context) for path, after in self.after.items()]

    def hunks(self):
        return [hunk for diff in self.diffs for hunk in diff.hunks]

    def edited(self, change):
        """Change the edited files, before and after alike."""
        for path in self.after:
            self.files[path] = change(self.files[path])
            self.after[path] = change(self.after[path])
        need(all(self.files[path] != self.after[path] for path in self.after))
        self.diff()

    # Where a place is told by content.

    def occurrences(self, block, path=None):
        block, count = [line.strip() for line in block], 0
        for name in [path] if path else self.editable:
            lines = [line.strip() for line in self.files.get(name, "").split("\n")]
            count += sum(lines[i:i + len(block)] == block for i in range(len(lines) - len(block) + 1))
        return count

    def need_unique(self, everywhere=False):
        """Only one place has what each hunk expects."""
        for diff in self.diffs:
            for hunk in diff.hunks:
                need(hunk.expects and self.occurrences(hunk.expects, None if everywhere else diff.path) == 1)

    def need_unique_after(self):
        """The files have what each hunk makes, once, and no longer what it expects."""
        for diff in self.diffs:
            for hunk in diff.hunks:
                need(self.occurrences(hunk.new(), diff.path) == 1 and self.occurrences(hunk.old(), diff.path) == 0)

    def need_clear(self, everywhere=False):
        """Only one place has anything like it: elsewhere at most three lines of five are the same."""
        for diff in self.diffs:
            for hunk in diff.hunks:
                block = tuple(line.strip() for line in hunk.expects)
                need(len(block) >= 4)
                for path in self.editable if everywhere else [diff.path]:
                    here = hunk.place - 1 if path == diff.path else None
                    need(likeness(block, self.files[path], here) <= 0.6 * len(block))

    # Writing.

    def patch_lines(self):
        return [line for diff in self.diffs
                for line in diff.header + [line for hunk in diff.hunks for line in hunk.written()]]

    def fenced(self, lines, tag=None):
        tag = self.tag if tag is None else tag
        if self.fence is None:
            return list(lines)
        return [self.fence + tag, *lines] + ([self.fence_end] if self.fence_end else [])

    def body(self):
        return self.fenced(self.patch_lines())

    def answer(self):
        lines = self.body()
        if self.intro:
            lines = self.intro.split("\n") + [""] + lines
        if self.outro and self.fence_end:
            lines += ["", *self.outro.split("\n")]
        text = "\n".join(lines) + "\n"
        for change in self.filters:
            text = change(text)
        return text


class Blocks(Draft):
    """An answer of search/replace blocks: the path above the fence of a file, its blocks in it."""

    def __init__(self, edit, rng):
        super().__init__(edit, rng)
        self.tag = {"c": "c", "python": "python", "shell": "bash"}[edit.language]
        self.write_blocks()

    def diff(self, context=3):
        super().diff(context)
        if hasattr(self, "blocks"):
            self.write_blocks(context)

    def write_blocks(self, context=3):
        self.blocks = [Block(diff.path, hunk.old(), hunk.new()) for diff in self.diffs for hunk in diff.hunks]
        for block in self.blocks:
            need(self.files.get(block.path) is None or block.search)

    def paths(self):
        return list(dict.fromkeys(block.path for block in self.blocks))

    def name_line(self, path):
        return [path]

    def body(self):
        lines = []
        for path in self.paths():
            inner = []
            for block in self.blocks:
                if block.path == path:
                    inner += block.written() + [""]
            lines += self.name_line(path) + self.fenced(inner[:-1]) + [""]
        return lines[:-1]


class Whole(Draft):
    """An answer of whole files: the path above the fence of each."""

    def __init__(self, edit, rng):
        super().__init__(edit, rng)
        self.tag = {"c": "c", "python": "python", "shell": "bash"}[edit.language]
        self.texts = {path: split(after) for path, after in self.after.items()}

    def rewrite(self):
        self.texts = {path: split(after) for path, after in self.after.items()}

    def name_line(self, path):
        return [path]

    def body(self):
        lines = []
        for path, text in self.texts.items():
            lines += self.name_line(path) + self.fenced([ends(line) for line in text]) + [""]
        return lines[:-1]
