"""Kinds of damage that models do to search/replace blocks and to whole files, where the meaning can still be told."""
import os
import re

from patch_draft import MARKER, Block, Blocks, Whole, ends, need
from patch_kinds import curl, expand, hash_of, kind, need_nothing_moved, only_new, reword, tabify


def blocks(function):
    return kind("blocks", draft=Blocks)(function)


def whole(function):
    return kind("whole", draft=Whole)(function)


def need_told(d, clear=False, everywhere=False):
    """What a block searches is in one place only; `clear`: and nothing else is much like it."""
    d.need_unique(everywhere)
    if clear:
        d.need_clear()


def need_names(d):
    """No two files have the same last part of a name."""
    names = [path.split("/")[-1] for path in d.files]
    need(all(names.count(path.split("/")[-1]) == 1 for path in d.after))


def each_text(d, change, sides=("search", "replace")):
    changed = 0
    for block in d.blocks:
        for side in sides:
            lines = getattr(block, side)
            new = [change(line) for line in lines]
            changed += new != lines
            setattr(block, side, new)
    need(changed)


def shared(block):
    """Indices of lines of the search that the replacement has as well, at its beginning or its end, and that stand
    beside another such line on either side."""
    search, replace = block.search, block.replace
    head = 0
    while head < min(len(search), len(replace)) and search[head] == replace[head]:
        head += 1
    tail = 0
    while tail < min(len(search), len(replace)) - head and search[-1 - tail] == replace[-1 - tail]:
        tail += 1
    return [(i, i) for i in range(1, head - 1)] + \
        [(len(search) - 1 - k, len(replace) - 1 - k) for k in range(1, tail - 1)]


@blocks
def clean(d, rng):
    need_told(d)


@blocks
def path_inside_fence(d, rng):
    need_told(d)
    d.name_line = lambda path: []
    base = d.fenced
    d.fenced = lambda lines, tag=None: base([d.blocks_path] + lines, tag)
    paths = d.paths()
    need(len(paths) == 1)
    d.blocks_path = paths[0]


@blocks
def path_decorated(d, rng):
    need_told(d)
    form = rng.choice(["**{}**", "`{}`", "### {}", "### `{}`", "File: {}", "**File:** `{}`", "{}:", "# {}"])
    d.name_line = lambda path: [form.format(path), ""] if rng.random() < 0.5 else [form.format(path)]


@blocks
def path_behind_fence(d, rng):
    """The opening fence carries it."""
    need_told(d)
    base, separator = d.fenced, rng.choice([" ", ":"])
    d.name_line = lambda path: []
    need(len(d.paths()) == 1)
    d.fenced = lambda lines, tag=None: base(lines, d.tag + separator + d.paths()[0])


@blocks
def path_missing(d, rng):
    need_told(d, everywhere=True)
    d.name_line = lambda path: []


@blocks
def path_without_directory(d, rng):
    need_told(d)
    need_names(d)
    d.name_line = lambda path: [path.split("/")[-1]]


@blocks
def path_wrong_directory(d, rng):
    need_told(d)
    need_names(d)
    top = rng.choice(["src/", "project/code/", "./repo/"])
    d.name_line = lambda path: [top + path.split("/")[-1]]


@blocks
def markers_cline(d, rng):
    need_told(d)
    for block in d.blocks:
        block.open, block.close = "------- SEARCH", "+++++++ REPLACE"


@blocks
def markers_of_other_words(d, rng):
    need_told(d)
    words = rng.choice([("ORIGINAL", "UPDATED"), ("HEAD", "updated"), ("OLD", "NEW"), ("search", "replace"), ("SEARCH:", "REPLACE:")])
    for block in d.blocks:
        block.open, block.close = "<<<<<<< " + words[0], ">>>>>>> " + words[1]


@blocks
def markers_of_other_lengths(d, rng):
    need_told(d)
    a, b, c = rng.choice([5, 6, 8, 9]), rng.choice([5, 7, 9]), rng.choice([5, 6, 8])
    for block in d.blocks:
        block.open, block.divide, block.close = "<" * a + " SEARCH", "=" * b, ">" * c + " REPLACE"


@blocks
def markers_without_blank(d, rng):
    need_told(d)
    for block in d.blocks:
        block.open, block.close = rng.choice(["<<<<<<<SEARCH", "<<<<<<< SEARCH>"]), rng.choice([">>>>>>>REPLACE", ">>>>>>> REPLACE "])


@blocks
def end_marker_missing(d, rng):
    """The fence ends instead."""
    need_told(d)
    need(len(d.blocks) == len(d.paths()))
    for block in d.blocks:
        block.close = None


@blocks
def end_marker_is_a_search(d, rng):
    """A block ends with the first marker once more, with REPLACE behind it."""
    need_told(d)
    for block in d.blocks:
        block.close = rng.choice(["<<<<<<< REPLACE", "======= REPLACE"])


@blocks
def trailing_space_added(d, rng):
    need_told(d)
    each_text(d, lambda line: line + rng.choice(["", " ", "  "]), ("search",))


@blocks
def trailing_space_lost(d, rng):
    need_told(d)
    need_nothing_moved(d)
    spaced = {line for path in d.after for line in d.files[path].split("\n") if hash_of(line) % 3 == 0 and line.strip()}
    d.edited(lambda text: "\n".join(line + "  " if line in spaced else line for line in text.split("\n")))
    for hunk in d.hunks():
        need(not any(sign == "+" and text != text.rstrip() for sign, text in hunk.lines))
    each_text(d, str.rstrip)


@blocks
def tabs_became_spaces(d, rng):
    need_told(d)
    d.edited(tabify)
    need_witness(d)
    width = rng.choice([4, 4, 8])
    each_text(d, lambda line: expand(line, width))


@blocks
def spaces_became_tabs(d, rng):
    need_told(d)
    need_witness(d)
    need(all("\t" not in d.files[path] for path in d.after))
    each_text(d, tabify)


def need_witness(d):
    for block in d.blocks:
        if any(line[:1].isspace() and line.strip() for line in block.replace):
            need(any(line[:1].isspace() and line.strip() for line in block.search))


def shift(block, by):
    for side in ("search", "replace"):
        setattr(block, side, [line if not line.strip() else " " * by + line if by > 0 else line[-by:]
                              for line in getattr(block, side)])


def least_indent(block):
    return min(len(line) - len(line.lstrip()) for line in block.search + block.replace if line.strip())


@blocks
def indentation_dropped(d, rng):
    """What all lines of a block share is left out."""
    need_told(d)
    least = [least_indent(block) for block in d.blocks]
    need(any(least))
    for block, by in zip(d.blocks, least):
        if by:
            shift(block, -by)


@blocks
def indentation_shifted(d, rng):
    need_told(d)
    for block in d.blocks:
        shift(block, rng.choice([2, 4, 8]))


@blocks
def first_line_lost_its_indentation(d, rng):
    need_told(d)
    changed = 0
    for block in d.blocks:
        if block.search[0][:1].isspace() and block.replace and block.replace[0] == block.search[0]:
            block.search[0] = block.replace[0] = block.search[0].lstrip()
            changed += 1
    need(changed)


@blocks
def blank_lines_dropped(d, rng):
    need_told(d, clear=True)
    changed = 0
    for block in d.blocks:
        for i, k in sorted(shared(block), reverse=True):
            if not block.search[i].strip():
                del block.search[i], block.replace[k]
                changed += 1
    need(changed)


@blocks
def blank_lines_around(d, rng):
    """Blank lines after and before the markers, which belong to the form and not to the code."""
    need_told(d)
    for block in d.blocks:
        need(block.replace and block.search[0].strip() and block.search[-1].strip() and block.replace[-1].strip())
        after, before = rng.choice([(1, 0), (0, 1), (1, 1)])
        for side in ("search", "replace"):
            setattr(block, side, [""] * after + getattr(block, side) + [""] * before)


def edit_shared(d, rng, change):
    """Change a line that search and replacement share, alike in both."""
    changed = 0
    for block in d.blocks:
        places = [(i, k) for i, k in shared(block) if re.search(r"[A-Za-z]{4}", block.search[i])]
        if places:
            change(block, *rng.choice(places))
            changed += 1
    need(changed)


@blocks
def word_changed_in_both(d, rng):
    need_told(d, clear=True)

    def change(block, i, k):
        block.search[i] = block.replace[k] = reword(rng, block.search[i])
    edit_shared(d, rng, change)


@blocks
def word_changed_in_search(d, rng):
    """The replacement has the line as the file has it."""
    need_told(d, clear=True)

    def change(block, i, k):
        block.search[i] = reword(rng, block.search[i])
    edit_shared(d, rng, change)


@blocks
def line_missing_in_both(d, rng):
    need_told(d, clear=True)

    def change(block, i, k):
        del block.search[i], block.replace[k]
    edit_shared(d, rng, change)


@blocks
def line_invented_in_both(d, rng):
    need_told(d, clear=True)

    def change(block, i, k):
        line = block.search[i]
        extra = line[:len(line) - len(line.lstrip())] + rng.choice(d.snippets["blocks"])[0]
        block.search.insert(i, extra)
        block.replace.insert(k, extra)
    edit_shared(d, rng, change)


@blocks
def quotes_typographic_in_search(d, rng):
    need_told(d, clear=True)
    d.need_clear()
    for block in d.blocks:
        need(block.replace != block.search)
    each_text(d, curl, ("search",))


@blocks
def quotes_typographic(d, rng):
    need_told(d, clear=True)
    need(all(any(curl(line) != line for line in block.search) for block in d.blocks))
    need(all(not re.search("[\u2019\u201c\u201d]", d.files[path]) for path in d.after))
    each_text(d, curl)


@blocks
def entities(d, rng):
    def escape(text):
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    need_told(d)
    need(all(any(escape(line) != line for line in block.search) for block in d.blocks))
    need(all(not re.search(r"&(amp|lt|gt);", d.files[path]) for path in d.after))
    each_text(d, escape)


@blocks
def answer_crlf(d, rng):
    need_told(d)
    d.filters.append(lambda text: text.replace("\n", "\r\n"))


@blocks
def file_crlf(d, rng):
    need_told(d)
    d.edited(lambda text: text.replace("\n", "\r\n"))


@blocks
def file_without_final_newline(d, rng):
    """It keeps none."""
    need_told(d)
    d.edited(lambda text: text.rstrip("\n"))
    need(any(MARKER in hunk.lines for hunk in d.hunks()))


@blocks
def line_numbers_everywhere(d, rng):
    need_told(d)
    numbers = {}
    for diff in d.diffs:
        for hunk in diff.hunks:
            numbers[len(numbers)] = (hunk.old_start, hunk.new_start)
    for at, block in enumerate(d.blocks):
        old, new = numbers[at]
        block.search = [f"{old + i:5d}| {line}" for i, line in enumerate(block.search)]
        block.replace = [f"{new + i:5d}| {line}" for i, line in enumerate(block.replace)]


@blocks
def line_numbers_in_search(d, rng):
    need_told(d)
    for hunk, block in zip(d.hunks(), d.blocks):
        block.search = [f"{hunk.old_start + i:5d}| {line}" for i, line in enumerate(block.search)]


@blocks
def signs_of_a_diff(d, rng):
    """Lines of the search begin with a minus, those of the replacement with a plus."""
    need_told(d)
    for block in d.blocks:
        block.search, block.replace = ["-" + line for line in block.search], ["+" + line for line in block.replace]


@blocks
def dots_in_both(d, rng):
    need_told(d)
    d.diff(8)
    need_told(d)
    changed = 0
    for block in d.blocks:
        places = shared(block)
        runs = [(i, k) for i, k in places if all((i + n, k + n) in places for n in range(1, 4))]
        if runs:
            i, k = rng.choice(runs)
            dots = rng.choice(["...", d.snippets["note"].format("...")])
            block.search[i:i + 4] = block.replace[k:k + 4] = [dots]
            changed += 1
    need(changed)


@blocks
def no_fences(d, rng):
    need_told(d)
    d.fence = None


@blocks
def fence_of_each_block(d, rng):
    need_told(d)
    need(len(d.blocks) > len(d.paths()))
    named = rng.random() < 0.5
    d.body = lambda: [line for at, block in enumerate(d.blocks) for line in
                      (d.name_line(block.path) if named or at == 0 or d.blocks[at - 1].path != block.path else ["Then:"])
                      + d.fenced(block.written()) + [""]]


@blocks
def prose_between_blocks(d, rng):
    need_told(d)
    need(len(d.blocks) > len(d.paths()))
    d.body = lambda: [line for block in d.blocks for line in
                      [rng.choice(["Next, the caller.", "The second place is similar:", "Now this:"]), ""]
                      + d.name_line(block.path) + d.fenced(block.written()) + [""]]


@blocks
def block_twice(d, rng):
    need_told(d)
    at = rng.randrange(len(d.blocks))
    need(d.occurrences(d.blocks[at].search) == 1 and "\n".join(d.blocks[at].search) not in "\n".join(d.blocks[at].replace))
    d.blocks.insert(at + 1, d.blocks[at])


@blocks
def blocks_out_of_order(d, rng):
    need_told(d)
    need(len(d.blocks) > len(d.paths()))
    d.blocks.reverse()


@blocks
def block_goes_on_from_the_last(d, rng):
    """The second block searches what the first has made."""
    need_told(d)
    need(len(d.blocks) == 1 and len(d.blocks[0].replace) > 2)
    block = d.blocks[0]
    changed = [i for i, line in enumerate(block.replace) if line not in block.search and line.strip()]
    need(changed and "-" in "".join(sign for hunk in d.hunks() for sign, _ in hunk.lines))
    draft = list(block.replace)
    draft[changed[0]] = draft[changed[0]] + " " + d.snippets["note"].format("check")
    d.blocks = [Block(block.path, block.search, draft), Block(block.path, draft, block.replace)]


@blocks
def piece_of_a_line(d, rng):
    """The search is a part of one line, found once."""
    need_told(d)
    need(len(d.diffs) == 1 and len(d.hunks()) == 1)
    need(re.fullmatch(" *-[+] *", "".join(sign for sign, _ in d.hunks()[0].lines)))
    removed = [text for sign, text in d.hunks()[0].lines if sign == "-"]
    added = [text for sign, text in d.hunks()[0].lines if sign == "+"]
    search, replace = removed[0].strip(), added[0].strip()
    common = len(os.path.commonprefix([search, replace]))
    borders = [m.start() for m in re.finditer(r"(?<=[ (,\[])\w", search) if m.start() <= common and len(search) - m.start() >= 8]
    need(borders)
    search, replace = search[borders[-1]:], replace[borders[-1]:]
    d.blocks = [Block(d.blocks[0].path, [search.strip()], [replace.strip()])]
    text = d.files[d.blocks[0].path]
    need(search == search.strip() and replace == replace.strip() and search not in (removed[0].strip(), replace))
    need(text.count(search) == 1 and sum(t.count(search) for t in d.files.values()) == 1)


@blocks
def draft_in_thinking(d, rng):
    need_told(d)
    first = [line for block in d.blocks for line in
             [block.path, "```", block.open, *block.search, block.divide, *[x + " /* ? */" for x in block.replace], block.close, "```"]]
    d.intro = "\n".join(["<think>", "A first try:", *first, "But simpler is better.", "</think>", "", d.intro])


@blocks
def indented_answer(d, rng):
    need_told(d)
    base = d.body
    d.body = lambda: ["- Change:", ""] + ["  " + line if line else line for line in base()]


@blocks
def fence_not_closed(d, rng):
    need_told(d)
    need(len(d.paths()) == 1)
    d.fence_end = None


@blocks
def file_created(d, rng):
    """An empty search for a file that is not there."""
    only_new(d, rng)


@blocks
def much_context(d, rng):
    need_told(d)
    d.diff(12)


# Whole files.

@whole
def whole_clean(d, rng):
    pass


@whole
def whole_path_decorated(d, rng):
    form = rng.choice(["**{}**", "`{}`", "### {}", "### `{}`", "File: {}", "**File:** `{}`", "{}:", "Updated `{}`:"])
    d.name_line = lambda path: [form.format(path), ""]


@whole
def whole_path_behind_fence(d, rng):
    separator, base = rng.choice([" ", ":", " title="]), d.fenced
    d.name_line = lambda path: []
    need(len(d.texts) == 1)
    d.fenced = lambda lines, tag=None: base(lines, d.tag + separator + next(iter(d.texts)))


@whole
def whole_path_in_first_comment(d, rng):
    d.name_line = lambda path: []
    need(len(d.texts) == 1)
    base = d.fenced
    d.fenced = lambda lines, tag=None: base([d.snippets["note"].format(next(iter(d.texts)))] + lines)


@whole
def whole_path_missing(d, rng):
    """The other files are nothing like it."""
    need(len(d.texts) == 1)
    d.name_line = lambda path: []


@whole
def whole_path_without_directory(d, rng):
    need_names(d)
    d.name_line = lambda path: [path.split("/")[-1]]


@whole
def whole_file_crlf(d, rng):
    d.edited(lambda text: text.replace("\n", "\r\n"))
    d.rewrite()


@whole
def whole_answer_crlf(d, rng):
    d.filters.append(lambda text: text.replace("\n", "\r\n"))


@whole
def whole_blank_lines_around(d, rng):
    """Blank lines inside the fence, before and after the code, that the file has not."""
    base, after = d.fenced, rng.randint(0, 1)
    d.fenced = lambda lines, tag=None: base([""] * (1 - after) + lines + [""] * after)


@whole
def whole_fence_in_the_file(d, rng):
    """The text has a fence of its own, in a comment."""
    note = d.snippets["note"]
    block = [note.format("```"), note.format("usage: run --fast"), note.format("```")]
    d.edited(lambda text: text + "\n".join(block) + "\n")
    d.rewrite()


@whole
def whole_with_quoted_original(d, rng):
    quoted = [text for sign, text in d.hunks()[0].lines if sign in " -"]
    d.intro = "\n".join(["So far it reads", "", "```", *quoted, "```", "", "Here is the whole file."])


@whole
def whole_draft_in_thinking(d, rng):
    path, lines = next(iter(d.texts.items()))
    first = [path, "```", *[ends(line) for line in lines[:12]], "```"]
    d.intro = "\n".join(["<think>", *first, "That is enough of a plan.", "</think>", "", d.intro])


@whole
def whole_fence_not_closed(d, rng):
    need(len(d.texts) == 1)
    path, = d.texts
    need(d.after[path].split("\n")[-8:] == d.files[path].split("\n")[-8:])
    d.fence_end = None


@whole
def whole_file_created(d, rng):
    only_new(d, rng)
    d.rewrite()


@whole
def whole_and_blocks(d, rng):
    """A new file in whole, and blocks for an old one."""
    old = dict(d.after)
    need(len(old) == 1)
    d.need_unique()
    (path, _), = old.items()
    block = [Block(path, hunk.old(), hunk.new()) for hunk in d.hunks()]
    created = only_new(d, rng)
    d.rewrite()
    d.after.update(old)
    base = d.body
    d.body = lambda: base() + ["", path] + d.fenced([line for b in block for line in b.written()])
    need(created not in d.files)
