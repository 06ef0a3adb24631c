"""Kinds of answers that must not be applied: what they mean cannot be told, may not be done, or is nothing."""
import difflib

from patch_draft import Block, Blocks, Draft, FileDiff, Whole, ends, likeness, need
from patch_edits import SNIPPETS, change_file, change_comment, read
from patch_kinds import kind


def refused(form, also=False):
    return kind(form, "refuse", {"unified": Draft, "blocks": Blocks, "whole": Whole}[form], also)


def nothing(form):
    return kind(form, "nothing", {"unified": Draft, "blocks": Blocks, "whole": Whole}[form])


# The place is not told.

def repeated_line(d, rng, most=3):
    """A run of lines that a file has more than once, and that file."""
    path = rng.choice(sorted(d.after))
    lines = d.files[path].split("\n")
    for length in rng.sample(range(1, most + 1), most):
        seen = {}
        for i in range(len(lines) - length):
            run = tuple(lines[i:i + length])
            if all(len(line.strip()) > 3 for line in run):
                seen.setdefault(run, []).append(i)
        runs = sorted(run for run, at in seen.items() if len(at) > 1)
        if runs:
            return path, list(rng.choice(runs))
    need(False)


@refused("unified")
def ambiguous_without_numbers(d, rng):
    path, lines = repeated_line(d, rng)
    new = rng.choice(d.snippets["blocks"])
    lead = lines[0][:len(lines[0]) - len(lines[0].lstrip())]
    d.diffs = [FileDiff(path, d.files[path], d.files[path] + "x\n")]
    hunk, = d.diffs[0].hunks[:1]
    hunk.heading = rng.choice(["@@", "@@ ... @@"])
    hunk.lines = [[" ", line] for line in lines[:-1]] + [["-", lines[-1]]] + [["+", lead + line] for line in new]


@refused("blocks")
def ambiguous_search(d, rng):
    path, lines = repeated_line(d, rng)
    lead = lines[0][:len(lines[0]) - len(lines[0].lstrip())]
    d.blocks = [Block(path, lines, [lead + line for line in rng.choice(d.snippets["blocks"])])]


@refused("blocks")
def ambiguous_search_without_indentation(d, rng):
    path, lines = repeated_line(d, rng)
    need(lines[0][:1].isspace())
    d.blocks = [Block(path, [line.strip() for line in lines], rng.choice(d.snippets["blocks"]))]


def line_of_two_files(d, rng):
    """A line that each of two files that may be changed has once."""
    texts = {path: [line for line in d.files[path].split("\n") if len(line.strip()) > 8] for path in d.editable}
    found = sorted({line for path, lines in texts.items() for line in lines if lines.count(line) == 1
                    and sum(other.count(line) for other in texts.values()) == 2})
    need(found)
    return rng.choice(found)


@refused("unified")
def ambiguous_file(d, rng):
    """No file is named, and two have the line."""
    line = line_of_two_files(d, rng)
    d.diffs = [FileDiff(d.editable[0], d.files[d.editable[0]], d.files[d.editable[0]] + "x\n")]
    d.diffs[0].header, hunk = [], d.diffs[0].hunks[0]
    hunk.heading, hunk.lines = "@@", [["-", line], ["+", line + "  " + d.snippets["note"].format("changed")]]


@refused("blocks")
def ambiguous_file_of_a_search(d, rng):
    line = line_of_two_files(d, rng)
    d.blocks = [Block(d.editable[0], [line], [line + "  " + d.snippets["note"].format("changed")])]
    d.name_line = lambda path: []


@refused("unified")
def insertion_without_place(d, rng):
    """Only added lines, and no numbers."""
    d.diffs = d.diffs[:1]
    hunk = d.diffs[0].hunks[0]
    d.diffs[0].hunks = [hunk]
    hunk.heading, hunk.lines = "@@", [["+", "    " + line] for line in rng.choice(d.snippets["blocks"])]


@refused("blocks")
def search_empty(d, rng):
    """In a file that is there."""
    d.blocks = [Block(d.blocks[0].path, [], ["    " + line for line in rng.choice(d.snippets["blocks"])])]


# The file has nothing like it.

def foreign_lines(d, rng):
    """Code of another language's environment."""
    other = [name for name in SNIPPETS if name != d.language]
    return ["    " + line for block in SNIPPETS[rng.choice(other)]["blocks"] for line in block][:7]


@refused("unified")
def code_not_in_file(d, rng):
    hunk = d.hunks()[0]
    d.diffs = d.diffs[:1]
    d.diffs[0].hunks = [hunk]
    lines = foreign_lines(d, rng)
    hunk.lines = [[" ", x] for x in lines[:3]] + [["-", lines[3]], ["+", lines[3] + "  "], ["+", lines[0]]] + \
        [[" ", x] for x in lines[4:]]
    hunk.recount()


@refused("blocks")
def search_not_in_file(d, rng):
    lines = foreign_lines(d, rng)
    d.blocks = [Block(d.blocks[0].path, lines, lines[:3] + lines[5:])]


def take_place_away(d):
    """The file has no longer what a hunk changes, but something that has a part of it: three lines of ten to six."""
    need(len(d.diffs) == 1 and len(d.hunks()) == 1)
    diff, hunk = d.diffs[0], d.hunks()[0]
    lines, block = diff.before.split("\n"), tuple(line.strip() for line in hunk.expects)
    need(len(block) >= 5 and any(sign == "-" for sign, _ in hunk.lines))
    here = hunk.place - 1
    left = "\n".join(lines[:here] + lines[here + len(block):])
    need(0.3 * len(block) <= likeness(block, left, None) <= 0.6 * len(block))
    d.files[diff.path] = left


@refused("unified")
def place_gone(d, rng):
    take_place_away(d)


@refused("unified")
def place_gone_and_numbers(d, rng):
    take_place_away(d)
    d.hunks()[0].heading = "@@ ... @@"


@refused("blocks")
def place_of_search_gone(d, rng):
    take_place_away(d)


@refused("unified")
def one_hunk_fits_not(d, rng):
    """The others do; half a patch is none."""
    d.need_unique()
    foreign = foreign_lines(d, rng)
    hunk = FileDiff(d.diffs[-1].path, d.diffs[-1].before, d.diffs[-1].after).hunks[-1]
    hunk.lines = [[" ", x] for x in foreign[:3]] + [["-", foreign[3]]] + [[" ", x] for x in foreign[4:]]
    hunk.old_start += 40
    hunk.recount()
    d.diffs[-1].hunks.append(hunk)


@refused("blocks")
def one_block_fits_not(d, rng):
    d.need_unique()
    foreign = foreign_lines(d, rng)
    d.blocks.insert(rng.randint(0, len(d.blocks)), Block(d.blocks[0].path, foreign, foreign[1:]))


@refused("unified")
def file_not_there(d, rng):
    """And no other has the code."""
    code_not_in_file(d, rng)
    path = d.diffs[0].path.rsplit("/", 1)[0] + "/missing_module" + d.snippets["ext"]
    d.diffs[0].header = ["--- a/" + path, "+++ b/" + path]


# Hunks that contradict each other.

@refused("unified")
def hunks_contradict(d, rng):
    """Two make two different things of the same lines."""
    need(len(d.diffs) == 1 and len(d.hunks()) == 1 and any(sign == "-" for sign, _ in d.hunks()[0].lines))
    other = FileDiff(d.diffs[0].path, d.diffs[0].before, d.diffs[0].after).hunks[0]
    other.lines = [[sign, text + " " + d.snippets["note"].format("other")] if sign == "+" else [sign, text]
                   for sign, text in other.lines]
    if not any(sign == "+" for sign, _ in other.lines):
        last = max(i for i, (sign, _) in enumerate(other.lines) if sign == "-")
        other.lines.insert(last + 1, ["+", rng.choice(d.snippets["blocks"])[0]])
    other.recount()
    d.diffs[0].hunks.append(other)


@refused("blocks")
def blocks_contradict(d, rng):
    need(len(d.blocks) == 1)
    d.need_unique()
    block = d.blocks[0]
    need("\n".join(block.search) not in "\n".join(block.replace))
    d.blocks.append(Block(block.path, block.search, block.replace + rng.choice(d.snippets["blocks"])))


# Answers that end too early.

def cut_patch(d, rng):
    """End the answer inside the last hunk, before its last change."""
    text = d.answer()
    lines = text.split("\n")
    last = d.hunks()[-1]
    changes = [i for i, (sign, _) in enumerate(last.lines) if sign in "+-"]
    need(len(changes) > 1)
    heading = max(i for i, line in enumerate(lines) if line == last.written()[0])
    keep = heading + 1 + rng.choice(changes[1:])
    whole = keep == heading + len(last.lines)  # a half of the last line would look like all of it
    half = "" if whole or rng.random() < 0.5 else lines[keep][:len(lines[keep]) // 2]
    d.filters = [lambda _: "\n".join(lines[:keep]) + "\n" + half]


@refused("unified")
def cut_in_a_hunk(d, rng):
    """The counts in the heading say that more was to come."""
    cut_patch(d, rng)


@refused("unified")
def cut_in_a_new_file(d, rng):
    from patch_kinds import only_new
    only_new(d, rng)
    cut_patch(d, rng)


@refused("blocks")
def cut_in_a_replacement(d, rng):
    block = d.blocks[-1]
    need(len(block.replace) > 2)
    keep = rng.randint(1, len(block.replace) - 1)
    block.replace = block.replace[:keep]
    block.replace[-1] = block.replace[-1][:rng.randint(0, len(block.replace[-1]))]
    block.close, d.fence_end = None, None
    d.filters = [lambda text: text.rstrip("\n")]


@refused("blocks")
def cut_in_a_search(d, rng):
    block = d.blocks[-1]
    block.search, block.replace, block.divide, block.close, d.fence_end = block.search[:-1], [], None, None, None
    need(block.search)


@refused("blocks")
def divider_missing(d, rng):
    """Where the search ends is not told."""
    for block in d.blocks:
        block.divide = None


@refused("whole")
def cut_in_a_file(d, rng):
    path, lines = list(d.texts.items())[-1]
    keep = rng.randint(len(lines) // 4, len(lines) * 3 // 4)
    d.texts[path] = lines[:keep]
    last = ends(d.texts[path][-1])
    d.texts[path][-1] = last[:len(last) // 2]
    d.fence_end = None


@refused("whole", also=True)
def rest_elided(d, rng):
    """"The rest is unchanged": refused, or completed rightly."""
    path, lines = list(d.texts.items())[-1]
    need(len(lines) > 30)
    changed = changed_lines(d, path)
    note = rng.choice(["... (rest of the file unchanged) ...", "... existing code ...", "rest of the code remains the same"])
    keep = min(len(lines) - 5, max(changed) + 6)
    need(keep > 5 and max(changed) + 2 <= keep)
    d.texts[path] = lines[:keep] + [d.snippets["note"].format(note) + "\n"]


@refused("whole", also=True)
def middle_elided(d, rng):
    path, lines = list(d.texts.items())[-1]
    changed = changed_lines(d, path)
    free = [i for i in range(8, len(lines) - 20) if not any(i - 5 <= k <= i + 17 for k in changed)]
    need(free)
    at = rng.choice(free)
    note = rng.choice(["... existing code ...", "... unchanged ..."])
    d.texts[path] = lines[:at] + [d.snippets["note"].format(note) + "\n"] + lines[at + 12:]


def changed_lines(d, path):
    before, after = d.files[path].split("\n"), d.after[path].split("\n")
    return [j for tag, _, _, a, b in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
            if tag != "equal" for j in range(a, b + 1)]


@refused("unified")
def no_patch_at_all(d, rng):
    d.fence, d.outro = None, ""
    path = rng.choice(sorted(d.files))
    text = rng.choice(["I cannot make this change without seeing the tests of `{}`.", "Please clarify what to change in {}.",
                       "It is already done in `{}`, as far as I can see.", "In {} I would raise the rate from 0.1 to 0.2."])
    d.patch_lines = lambda: [text.format(path)]


# Places that a patch may not touch.

@refused("unified")
def protected_file(d, rng):
    change = None
    while not change:
        change = change_file(rng, d.protected, change_comment, d.snippets) or \
            (read(d.protected), read(d.protected) + d.snippets["note"].format("more") + "\n")
    d.diffs.append(FileDiff(d.protected, *change))


@refused("blocks")
def protected_file_in_blocks(d, rng):
    lines = read(d.protected).split("\n")
    d.blocks.append(Block(d.protected, lines[:4], lines[:4] + [d.snippets["note"].format("more")]))


@refused("whole")
def protected_file_in_whole(d, rng):
    d.texts = {d.protected: [line + "\n" for line in read(d.protected).split("\n")[:-1]][:-rng.randint(1, 3)]}


def outside(rng):
    return rng.choice(["../", "../../etc/", "/etc/", "/tmp/", "lib/../../"]) + "settings.conf"


@refused("unified")
def path_leaves_the_directory(d, rng):
    from patch_kinds import only_new
    only_new(d, rng, outside(rng))
    if rng.random() < 0.5:
        d.diffs[0].header[1] = "+++ " + d.diffs[0].path


@refused("blocks")
def path_of_block_leaves_the_directory(d, rng):
    from patch_kinds import only_new
    only_new(d, rng, outside(rng))


@refused("whole")
def path_of_whole_leaves_the_directory(d, rng):
    from patch_kinds import only_new
    only_new(d, rng, outside(rng))
    d.rewrite()


# Nothing changes.

@nothing("unified")
def already_applied(d, rng):
    for path, after in d.after.items():
        d.files[path] = after
    need(all(sign != "+" or text.strip() for hunk in d.hunks() for sign, text in hunk.lines))
    d.need_unique_after()


@nothing("unified")
def removes_what_it_adds(d, rng):
    for hunk in d.hunks():
        out = []
        for sign, text in hunk.lines:
            if sign == "+":
                continue
            out += [["-", text], ["+", text]] if sign == "-" else [[sign, text]]
        hunk.lines = out
        hunk.recount()
    need(all(any(sign == "-" for sign, _ in hunk.lines) for hunk in d.hunks()))


@nothing("unified")
def context_only(d, rng):
    for hunk in d.hunks():
        hunk.lines = [[" ", text] for sign, text in hunk.lines if sign in " -"]
        hunk.recount()


@nothing("blocks")
def replaces_by_the_same(d, rng):
    for block in d.blocks:
        block.replace = list(block.search)


@nothing("blocks")
def already_replaced(d, rng):
    for path, after in d.after.items():
        d.files[path] = after
    d.need_unique_after()


@nothing("whole")
def whole_file_as_it_was(d, rng):
    d.texts = {path: [line + "\n" for line in d.files[path].split("\n")[:-1]] for path in d.after}
