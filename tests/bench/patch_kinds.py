"""Kinds of damage that models do to unified diffs; the place and the meaning can still be told from what is left.

Each kind changes a Draft, or raises Skip where it cannot be done, or where it would take away what tells the meaning.
"""
import re

from patch_draft import MARKER, Draft, Hunk, need
from patch_edits import new_file

KINDS = []


def kind(form, outcome="apply", draft=Draft, also=False):
    """Register a kind: what is right is to apply it as meant, to refuse it, or to see that it changes nothing.
    `also`: applying it as meant is right as well."""
    def register(function):
        KINDS.append({"name": function.__name__.strip("_"), "form": form, "outcome": outcome, "damage": function,
                      "draft": draft, "also": also})
        return function
    return register


def unified(function):
    return kind("unified")(function)


def context_places(hunk, edge=False):
    """Indices of context lines that stand between context lines, so that they touch no change."""
    lines = hunk.lines
    inside = range(1, len(lines) - 1)
    out = [i for i in inside if all(lines[k][0] == " " for k in (i - 1, i, i + 1))]
    if edge and len(lines) > 1:
        out += [i for i, k in ((0, 1), (len(lines) - 1, len(lines) - 2)) if lines[i][0] == lines[k][0] == " "]
    return sorted(set(out))


def reword(rng, text):
    """The line with one word changed."""
    words = [m for m in re.finditer(r"[A-Za-z]{4,}", text)]
    need(words)
    word = rng.choice(words)
    new = rng.choice([word.group() + "s", word.group()[:-1], word.group()[0] + word.group()[2:]])
    return text[:word.start()] + new + text[word.end():]


def each_line(d, change, signs=" -+"):
    """Change the text of the lines of these signs; at least one has to become another."""
    changed = 0
    for hunk in d.hunks():
        for line in hunk.lines:
            if line[0] and line[0] in signs and line[0] != MARKER[0]:
                new = change(line[1])
                changed += new != line[1]
                line[1] = new
    need(changed)


# Nothing is damaged.

@unified
def clean(d, rng):
    pass


@unified
def git_style(d, rng):
    for diff in d.diffs:
        diff.header = [f"diff --git a/{diff.path} b/{diff.path}", "index 3b18e51..a1f0c2d 100644"] + diff.header
    function_heading(d, rng)


@unified
def large_context(d, rng):
    d.diff(rng.choice([8, 12, 20]))


@unified
def whole_file_as_context(d, rng):
    need(all(len(text) < 20000 for text in d.after.values()))
    d.diff(100000)


# Hunk headings.

@unified
def counts_wrong(d, rng):
    for hunk in d.hunks():
        hunk.old_count = max(1, hunk.old_count + rng.choice([-3, -2, -1, 1, 2, 3]))
        hunk.new_count = max(1, hunk.new_count + rng.choice([-3, -2, -1, 0, 1, 2, 3]))


@unified
def counts_far_too_large(d, rng):
    for hunk in d.hunks():
        hunk.old_count += rng.randint(10, 60)
        hunk.new_count += rng.randint(10, 60)


@unified
def start_off_by_some(d, rng):
    d.need_unique()
    for hunk in d.hunks():
        shift = rng.choice([-12, -7, -3, -1, 1, 2, 5, 9, 14])
        hunk.old_start, hunk.new_start = max(1, hunk.old_start + shift), max(1, hunk.new_start + shift)


@unified
def start_anywhere(d, rng):
    d.need_unique()
    for diff in d.diffs:
        for hunk in diff.hunks:
            hunk.old_start = hunk.new_start = rng.randint(1, diff.before.count("\n"))


@unified
def start_beyond_the_end(d, rng):
    d.need_unique()
    for hunk in d.hunks():
        hunk.old_start = hunk.new_start = hunk.old_start + 2000


@unified
def start_always_one(d, rng):
    d.need_unique()
    for hunk in d.hunks():
        hunk.old_start = hunk.new_start = 1


@unified
def start_and_counts_wrong(d, rng):
    start_off_by_some(d, rng)
    counts_wrong(d, rng)


@unified
def heading_bare(d, rng):
    d.need_unique()
    for hunk in d.hunks():
        hunk.heading = rng.choice(["@@", "@@ @@"])


@unified
def heading_dots(d, rng):
    d.need_unique()
    for hunk in d.hunks():
        hunk.heading = rng.choice(["@@ ... @@", "@@ -... +... @@"])


@unified
def function_heading(d, rng):
    """Numbers, and the line that the part belongs to, as git writes it."""
    for diff in d.diffs:
        lines = diff.before.split("\n")
        for hunk in diff.hunks:
            above = [line for line in lines[:hunk.old_start - 1] if re.match(r"[A-Za-z_]", line)]
            base = hunk.written()[0]
            hunk.heading = base + (" " + above[-1][:60] if above else "")


@unified
def heading_only_function(d, rng):
    d.need_unique()
    for diff in d.diffs:
        lines = diff.before.split("\n")
        for hunk in diff.hunks:
            above = [line for line in lines[:hunk.old_start - 1] if re.match(r"[A-Za-z_]", line)]
            need(above)
            hunk.heading = f"@@ {above[-1]} @@" if rng.random() < 0.5 else f"@@ {above[-1]}"


@unified
def heading_took_first_line(d, rng):
    """The first line of context stands behind the heading, and not below it."""
    for hunk in d.hunks():
        need(len(hunk.lines) > 3 and hunk.lines[0][0] == hunk.lines[1][0] == " " and hunk.lines[0][1].strip())
        base, (_, first) = hunk.written()[0], hunk.lines.pop(0)
        hunk.heading = f"{base} {first}"
    need(all(d.occurrences(hunk.old(), diff.path) == 1 for diff in d.diffs for hunk in diff.hunks))


@unified
def heading_missing(d, rng):
    d.need_unique()
    for diff in d.diffs:
        need(len(diff.hunks) == 1)
        diff.hunks[0].heading = ""


# Names of files.

@unified
def names_plain(d, rng):
    for diff in d.diffs:
        diff.header = ["--- " + diff.path, "+++ " + diff.path]


@unified
def names_with_dates(d, rng):
    for diff in d.diffs:
        diff.header = [diff.header[0] + "\t2025-03-01 10:00:00.000000000 +0000",
                       diff.header[1] + "\t2025-03-01 10:05:12.000000000 +0000"]


@unified
def names_with_notes(d, rng):
    for diff in d.diffs:
        diff.header = [f"--- {diff.path} (original)", f"+++ {diff.path} (modified)"]


@unified
def names_quoted(d, rng):
    quote = rng.choice(['"', "`"])
    for diff in d.diffs:
        diff.header = [f"--- {quote}a/{diff.path}{quote}", f"+++ {quote}b/{diff.path}{quote}"]


@unified
def names_wrong_directory(d, rng):
    for diff in d.diffs:
        other = rng.choice(["src/", "project/", "repo/code/"]) + diff.path.split("/")[-1]
        need(sum(path.split("/")[-1] == diff.path.split("/")[-1] for path in d.files) == 1)
        diff.header = ["--- a/" + other, "+++ b/" + other]


@unified
def names_more_directories(d, rng):
    top = rng.choice(["repo", "workspace", "env/baseline"])
    for diff in d.diffs:
        diff.header = [f"--- a/{top}/{diff.path}", f"+++ b/{top}/{diff.path}"]


@unified
def names_without_directory(d, rng):
    for diff in d.diffs:
        base = diff.path.split("/")[-1]
        need(base != diff.path and sum(path.split("/")[-1] == base for path in d.files) == 1)
        prefix = rng.random() < 0.5
        diff.header = ["--- " + "a/" * prefix + base, "+++ " + "b/" * prefix + base]


@unified
def names_one_line(d, rng):
    keep = rng.randint(0, 1)
    for diff in d.diffs:
        diff.header = [diff.header[keep]]


@unified
def names_old_is_wrong(d, rng):
    for diff in d.diffs:
        diff.header[0] = "--- a/" + diff.path.replace(".", "_old.", 1)


@unified
def names_missing(d, rng):
    need(len(d.diffs) == 1)
    d.need_unique(everywhere=True)
    d.diffs[0].header = []


@unified
def names_are_placeholders(d, rng):
    need(len(d.diffs) == 1)
    d.need_unique(everywhere=True)
    d.diffs[0].header = ["--- original" + d.snippets["ext"], "+++ modified" + d.snippets["ext"]]


@unified
def names_in_prose(d, rng):
    """The file is named in a heading above the fence, and not in it."""
    def body():
        lines = []
        for diff in d.diffs:
            name = rng.choice(["### {}", "**{}**", "In `{}`:", "File: {}"]).format(diff.path)
            lines += [name, ""] + d.fenced([line for hunk in diff.hunks for line in hunk.written()]) + [""]
        return lines
    d.body = body


# The signs in front of lines.

@unified
def context_lost_blank(d, rng):
    for hunk in d.hunks():
        for line in hunk.lines:
            if line[0] == " ":
                need(not re.match(r"[-+@\\<>=`]", line[1]))
                line[0] = ""


@unified
def some_context_lost_blank(d, rng):
    changed = 0
    for hunk in d.hunks():
        for line in hunk.lines:
            if line[0] == " " and line[1].strip() and rng.random() < 0.4:
                need(not re.match(r"[-+@\\<>=`]", line[1]))
                line[0] = ""
                changed += 1
    need(changed)


@unified
def blank_context_empty(d, rng):
    changed = 0
    for hunk in d.hunks():
        for line in hunk.lines:
            if line == [" ", ""]:
                line[0] = ""
                changed += 1
    need(changed)


@unified
def space_behind_signs(d, rng):
    each_line(d, lambda text: " " + text if text else text)


@unified
def added_before_removed(d, rng):
    changed = 0
    for hunk in d.hunks():
        out, removed = [], []
        for line in hunk.lines + [[" ", None]]:
            if line[0] == "-":
                removed.append(line)
                continue
            if line[0] == "+":
                changed += bool(removed)
            elif removed:
                out, removed = out + removed, []
            out.append(line)
        hunk.lines = out[:-1]
    need(changed and all(MARKER not in hunk.lines for hunk in d.hunks()))


@unified
def context_as_removed_and_added(d, rng):
    changed = 0
    for hunk in d.hunks():
        out = []
        for line in hunk.lines:
            if line[0] == " " and line[1].strip() and rng.random() < 0.5:
                out += [["-", line[1]], ["+", line[1]]]
                changed += 1
            else:
                out.append(line)
        hunk.lines = out
        hunk.recount()
    need(changed)


# White space.

def need_nothing_moved(d):
    """No line goes to another place: whether it is the same one that came back without its space is not told."""
    need(not d.edit.name.startswith(("swap_adjacent", "move_lines", "several_hunks")))


@unified
def trailing_space_lost(d, rng):
    """The file has space at the ends of lines, the answer has not."""
    need_nothing_moved(d)
    spaced = {line for path in d.after for line in d.files[path].split("\n") if hash_of(line) % 3 == 0 and line.strip()}
    d.edited(lambda text: "\n".join(line + "  " if line in spaced else line for line in text.split("\n")))
    each_line(d, str.rstrip, " -")
    for hunk in d.hunks():  # lines that only look new, because they were moved
        need(not any(sign == "+" and text != text.rstrip() for sign, text in hunk.lines))


@unified
def trailing_space_added(d, rng):
    each_line(d, lambda text: text + rng.choice(["", " ", "  "]), " -")


def hash_of(text):
    value = 0
    for character in text:
        value = (value * 31 + ord(character)) & 0xFFFFFF
    return value


def tabify(text):
    def lead(match):
        width = len(match.group())
        return "\t" * (width // 4) + " " * (width % 4)
    return re.sub(r"^ +", lead, text, flags=re.M)


def expand(text, width):
    return re.sub(r"^\t+", lambda match: " " * (width * len(match.group())), text)


def need_indented_witness(d):
    """Where a hunk adds an indented line, a line of the file beside it is indented as well."""
    for hunk in d.hunks():
        adds = any(sign == "+" and text[:1].isspace() for sign, text in hunk.lines)
        need(not adds or any(sign in " -" and text.strip() and text[:1].isspace() for sign, text in hunk.lines))


@unified
def tabs_became_spaces(d, rng):
    d.edited(tabify)
    need_indented_witness(d)
    width = rng.choice([4, 4, 8])
    each_line(d, lambda text: expand(text, width))


@unified
def spaces_became_tabs(d, rng):
    need_indented_witness(d)
    need(all("\t" not in d.files[path] for path in d.after))
    each_line(d, tabify)


def shift(d, rng, signs):
    for hunk in d.hunks():
        indents = [len(text) - len(text.lstrip()) for sign, text in hunk.lines if text.strip() and sign != "\\"]
        least = min(indents)
        by = rng.choice([2, 4, 8, -4 if least >= 4 else 4, -least or 4])
        for line in hunk.lines:
            if line[1].strip() and line[0] in signs:
                line[1] = " " * by + line[1] if by > 0 else line[1][-by:]


@unified
def indentation_shifted(d, rng):
    """By the same number of columns in all lines of a hunk."""
    shift(d, rng, " -+")


@unified
def indentation_lost_in_context(d, rng):
    each_line(d, str.lstrip, " ")
    d.need_clear()


@unified
def inner_space_differs(d, rng):
    """a = b written as a=b, or with two blanks."""
    def change(text):
        lead = text[:len(text) - len(text.lstrip())]
        rest = text[len(lead):]
        return lead + (rest.replace(" = ", "=", 1) if " = " in rest else rest.replace(" ", "  ", 1))
    need('"' not in "".join(text for hunk in d.hunks() for _, text in hunk.lines))
    each_line(d, change, " ")


@unified
def no_break_spaces(d, rng):
    """In the indentation, of lines that the file has as well."""
    need_indented_witness(d)
    need(all("\u00a0" not in d.files[path] for path in d.after))
    each_line(d, lambda text: re.sub("^ +", lambda match: match.group().replace("  ", "\u00a0 "), text), " -+")


# Context that is not quite the file's.

@unified
def blank_context_dropped(d, rng):
    changed = 0
    for hunk in d.hunks():
        for i in reversed(context_places(hunk, edge=True)):
            if not hunk.lines[i][1].strip():
                del hunk.lines[i]
                changed += 1
        hunk.recount()
    need(changed)


@unified
def context_line_missing(d, rng):
    changed = 0
    for hunk in d.hunks():
        places = [i for i in context_places(hunk) if hunk.lines[i][1].strip()]
        if places:
            del hunk.lines[rng.choice(places)]
            changed += 1
        hunk.recount()
    need(changed)


@unified
def context_line_invented(d, rng):
    changed = 0
    for hunk in d.hunks():
        places = context_places(hunk)
        if places:
            at = rng.choice(places)
            text = hunk.lines[at][1]
            lead = text[:len(text) - len(text.lstrip())]
            hunk.lines.insert(at, [" ", lead + rng.choice(d.snippets["blocks"])[0]])
            changed += 1
        hunk.recount()
    need(changed)


def reword_some(d, rng, signs, count):
    changed = 0
    for hunk in d.hunks():
        places = [i for i, (sign, text) in enumerate(hunk.lines) if sign in signs and re.search(r"[A-Za-z]{4}", text)]
        if len(places) >= count:
            for i in rng.sample(places, count):
                hunk.lines[i][1] = reword(rng, hunk.lines[i][1])
            changed += 1
    need(changed)


@unified
def context_word_changed(d, rng):
    reword_some(d, rng, " ", 1)


@unified
def context_two_words_changed(d, rng):
    d.need_clear()
    reword_some(d, rng, " ", 2)


@unified
def context_word_and_start_wrong(d, rng):
    d.need_clear()
    start_anywhere(d, rng)
    reword_some(d, rng, " ", 1)


@unified
def context_comment_changed(d, rng):
    comment = re.compile(r"(# |/\* |\* )[A-Za-z]")
    changed = 0
    for hunk in d.hunks():
        for line in hunk.lines:
            found = comment.search(line[1])
            if line[0] == " " and found and re.search(r"[a-z]{4}", line[1][found.start():]):
                at = found.start()
                line[1] = line[1][:at] + reword(rng, line[1][at:])
                changed += 1
    need(changed)


@unified
def removed_word_changed(d, rng):
    """One removed line of a hunk is misquoted by a word of several; the line is clear all the same."""
    d.need_clear()
    changed = 0
    for hunk in d.hunks():
        places = [i for i, (sign, text) in enumerate(hunk.lines) if sign == "-" and len(text.split()) >= 4]
        places = [i for i in places if re.search(r"[A-Za-z]{4}", hunk.lines[i][1])]
        if places and sum(sign == " " for sign, _ in hunk.lines) >= 4:
            i = rng.choice(places)
            hunk.lines[i][1] = reword(rng, hunk.lines[i][1])
            changed += 1
    need(changed)


@unified
def context_short(d, rng):
    d.diff(1)
    d.need_unique()


@unified
def context_none(d, rng):
    d.diff(0)
    d.need_unique()
    need(all(any(sign == "-" for sign, _ in hunk.lines) for hunk in d.hunks()))


# Characters.

def curl(text):
    out = re.sub(r'"([^"]*)"', "\u201c\\1\u201d", text)
    return out.replace("'", "\u2019")


@unified
def quotes_typographic_in_context(d, rng):
    each_line(d, curl, " -")


@unified
def quotes_typographic(d, rng):
    witnesses = [hunk for hunk in d.hunks() if any(sign in " -" and curl(text) != text for sign, text in hunk.lines)]
    need(len(witnesses) == len(d.hunks()) and all(not re.search("[\u2019\u201c\u201d]", d.files[path]) for path in d.after))
    each_line(d, curl)


@unified
def entities(d, rng):
    def escape(text):
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for hunk in d.hunks():
        need(any(sign in " -" and escape(text) != text for sign, text in hunk.lines))
    need(all(not re.search(r"&(amp|lt|gt);", d.files[path]) for path in d.after))
    each_line(d, escape)


@unified
def answer_crlf(d, rng):
    d.filters.append(lambda text: text.replace("\n", "\r\n"))


@unified
def file_crlf(d, rng):
    """The file has CRLF, the answer has not; the file keeps its own."""
    d.edited(lambda text: text.replace("\n", "\r\n"))


@unified
def file_and_answer_crlf(d, rng):
    file_crlf(d, rng)
    answer_crlf(d, rng)


# Numbers of lines, copied from the request.

def numbered(d, added):
    for diff in d.diffs:
        for hunk in diff.hunks:
            old, new = hunk.old_start, hunk.new_start
            for line in hunk.lines:
                if line[0] in (" ", "-"):
                    line[1] = f"{old:5d}| {line[1]}"
                elif line[0] == "+" and added:
                    line[1] = f"{new:5d}| {line[1]}"
                old += line[0] in (" ", "-")
                new += line[0] in (" ", "+")


@unified
def line_numbers_in_context(d, rng):
    numbered(d, False)


@unified
def line_numbers_everywhere(d, rng):
    numbered(d, True)


# Ends of files and of answers.

def no_final_newline(d):
    d.edited(lambda text: text.rstrip("\n"))
    need(any(MARKER in hunk.lines for hunk in d.hunks()))


@unified
def file_without_final_newline(d, rng):
    no_final_newline(d)


@unified
def newline_marker_lost(d, rng):
    """The file has no final newline, and keeps it so."""
    no_final_newline(d)
    for hunk in d.hunks():
        hunk.lines = [line for line in hunk.lines if line != MARKER]


@unified
def newline_marker_invented(d, rng):
    """At a hunk that does not reach the end of the file."""
    for diff in d.diffs:
        last = diff.hunks[-1]
        need(last.old_start + last.old_count - 1 < diff.before.count("\n") - 2)
        last.lines.append(list(MARKER))


@unified
def answer_without_final_newline(d, rng):
    d.fence, d.intro, d.outro = None, rng.choice([d.intro, ""]), ""
    d.filters.append(lambda text: text.rstrip("\n"))


# Around the patch.

@unified
def bare(d, rng):
    d.fence, d.intro, d.outro = None, "", ""


@unified
def bare_in_prose(d, rng):
    d.fence, d.outro = None, "This should do it."


@unified
def fence_not_closed(d, rng):
    d.fence_end = None


@unified
def fence_of_another_kind(d, rng):
    d.fence = d.fence_end = rng.choice(["~~~", "````"])
    d.tag = rng.choice(["diff", "patch", ""])


@unified
def fence_without_language(d, rng):
    d.tag = rng.choice(["", "text", {"c": "c", "python": "python", "shell": "bash"}[d.language]])


@unified
def fence_of_each_file(d, rng):
    need(len(d.diffs) > 1)
    d.body = lambda: [line for diff in d.diffs for line in
                      ["Now `" + diff.path + "`:", ""] + d.fenced(diff.header + [x for h in diff.hunks for x in h.written()]) + [""]]


@unified
def fence_of_each_hunk(d, rng):
    """The names are in the first fence of a file only."""
    need(any(len(diff.hunks) > 1 for diff in d.diffs))

    def body():
        lines = []
        for diff in d.diffs:
            for k, hunk in enumerate(diff.hunks):
                lines += ["", "Then:", ""] * (k > 0) + d.fenced((diff.header if k == 0 else []) + hunk.written())
        return lines
    d.body = body


@unified
def fence_of_each_hunk_named(d, rng):
    need(any(len(diff.hunks) > 1 for diff in d.diffs))
    d.body = lambda: [line for diff in d.diffs for hunk in diff.hunks for line in
                      ["", "Next change:", ""] + d.fenced(diff.header + hunk.written())]


@unified
def names_repeated_for_hunks(d, rng):
    need(any(len(diff.hunks) > 1 for diff in d.diffs))
    d.patch_lines = lambda: [line for diff in d.diffs for hunk in diff.hunks for line in diff.header + hunk.written()]


@unified
def prose_between_hunks(d, rng):
    """Inside of the fence."""
    need(any(len(diff.hunks) > 1 for diff in d.diffs))
    for diff in d.diffs:
        for hunk in diff.hunks[:-1]:
            hunk.after = ["", rng.choice(["And the second part of the change:", "Next, adapt the caller.",
                                          "The other place that needs it:"]), ""]


@unified
def original_quoted_first(d, rng):
    """A piece of the old code in a fence of its own, before the patch."""
    tag = {"c": "c", "python": "python", "shell": "bash"}[d.language]
    quoted = [text for sign, text in d.hunks()[0].lines if sign in " -"]
    d.intro = "\n".join(["The code in question is", "", "```" + tag, *quoted, "```", "", "and I would change it so:"])


@unified
def draft_in_thinking(d, rng):
    """Thinking in front holds a first draft, which is not the answer."""
    lines = []
    for line in d.patch_lines():
        lines.append(line + " /* ? */" if line.startswith("+") and not line.startswith("+++") else line)
    d.intro = "\n".join(["<think>", "Perhaps:", "```diff", *lines, "```", "No, better without.", "</think>", "", d.intro])


@unified
def indented_answer(d, rng):
    """All of the fence stands inside a list."""
    base = d.body
    d.body = lambda: ["1. The change:", ""] + ["   " + line if line else line for line in base()]


@unified
def envelope(d, rng):
    """Begin Patch / Update File, with headings that are no numbers."""
    d.need_unique()
    need(all(MARKER not in hunk.lines for hunk in d.hunks()))

    def lines():
        out = ["*** Begin Patch"]
        for diff in d.diffs:
            out.append("*** Update File: " + diff.path)
            for hunk in diff.hunks:
                out += ["@@"] + hunk.written()[1:]
        return out + ["*** End Patch"]
    d.patch_lines = lines


# Hunks among each other.

def need_hunks(d):
    need(len(d.diffs) == 1 and len(d.diffs[0].hunks) > 1)
    return d.diffs[0]


@unified
def hunks_out_of_order(d, rng):
    diff = need_hunks(d)
    order = list(diff.hunks)
    while order == diff.hunks:
        rng.shuffle(order)
    diff.hunks = order


@unified
def hunks_merged(d, rng):
    """One heading for all, and nothing where they are apart."""
    diff = need_hunks(d)
    d.need_unique()
    diff.hunks = [Hunk(diff.hunks[0].old_start, diff.hunks[0].new_start, [x for h in diff.hunks for x in h.lines])]


@unified
def context_elided(d, rng):
    """One heading for all, and dots where they are apart."""
    diff = need_hunks(d)
    d.need_unique()
    dots, sign = rng.choice(["...", "    ...", d.snippets["note"].format("...")]), rng.choice([" ", ""])
    lines = list(diff.hunks[0].lines)
    for hunk in diff.hunks[1:]:
        lines += [[sign, dots]] + hunk.lines
    diff.hunks = [Hunk(diff.hunks[0].old_start, diff.hunks[0].new_start, lines)]


@unified
def context_elided_inside(d, rng):
    """The lines between two changes of one piece of code are dots."""
    d.diff(8)
    d.need_unique()
    changed = 0
    for hunk in d.hunks():
        places = context_places(hunk)
        runs = [i for i in places if i + 2 in places and i + 4 in places]
        if runs:
            at = rng.choice(runs)
            hunk.lines[at:at + 4] = [[" ", "..."]]
            hunk.recount()
            changed += 1
    need(changed)


@unified
def hunk_twice(d, rng):
    diff = rng.choice(d.diffs)
    at = rng.randrange(len(diff.hunks))
    need(any(sign == "-" for sign, _ in diff.hunks[at].lines) or len(diff.hunks[at].lines) > 6)
    diff.hunks.insert(at + 1, diff.hunks[at])


def one_hunk_a_change(d, new_context):
    """Hunks so close that their contexts overlap."""
    changed = 0
    for diff in d.diffs:
        out = []
        for hunk in diff.hunks:
            runs, lines = [], hunk.lines
            for i, (sign, _) in enumerate(lines):
                if sign in "+-" and (i == 0 or lines[i - 1][0] not in "+-"):
                    runs.append(i)
            for number, start in enumerate(runs):
                end = start
                while end < len(lines) and lines[end][0] in "+-":
                    end += 1
                above = [[" ", t] for s, t in lines[:start] if s in (" +" if new_context else " -")][-3:]
                below = [[" ", t] for s, t in lines[end:] if s in " -"][:3]
                old = sum(s in " -" for s, _ in lines[:start])
                out.append(Hunk(hunk.old_start + old - len(above), hunk.new_start, above + lines[start:end] + below))
                changed += number
        diff.hunks = out
    need(changed and all(MARKER not in hunk.lines for hunk in d.hunks()))


@unified
def hunks_overlap(d, rng):
    """The context of each is the old text."""
    one_hunk_a_change(d, False)


@unified
def hunks_follow_each_other(d, rng):
    """The context above each is as the hunk before left it."""
    one_hunk_a_change(d, True)


# Files that come and go.

def only_new(d, rng, path=None):
    path = path or d.editable[0].rsplit("/", 1)[0] + "/" + rng.choice(["helpers", "extra", "more"]) + d.snippets["ext"]
    d.after = {path: new_file(rng, d.language)}
    d.diff()
    return path


@unified
def file_created(d, rng):
    only_new(d, rng)


@unified
def file_created_with_wrong_counts(d, rng):
    only_new(d, rng)
    counts_wrong(d, rng)


@unified
def file_created_without_dev_null(d, rng):
    path = only_new(d, rng)
    d.diffs[0].header[0] = "--- a/" + path


@unified
def file_created_beside_an_edit(d, rng):
    after = dict(d.after)
    only_new(d, rng)
    d.after.update(after)
    d.diff()


@unified
def file_deleted(d, rng):
    path = rng.choice(list(d.after))
    need(d.files[path].count("\n") < 250)
    d.after = {path: None}
    d.diff()


@unified
def file_renamed(d, rng):
    need(len(d.after) == 1)
    (path, text), = d.after.items()
    new = path.replace(".", "_v2.", 1)
    d.diffs[0].header = [f"diff --git a/{path} b/{new}", "similarity index 95%", "rename from " + path, "rename to " + new,
                         "--- a/" + path, "+++ b/" + new]
    d.after = {path: None, new: text}
