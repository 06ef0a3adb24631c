"""Cheating patches on chars, where the variant's model is code: what they try, and how each has to end."""
from lab import NO_GAIN, VOID, Case

PREDICT = "    return [distribution(state, sequence[:i + 1]) for i in range(len(sequence))]\n"
TRAIN = "    rng = random.Random(seed)\n"
LEAK, REFUSED, CRASHED = "violation/future leak", "no metric/evaluator refused", "crashed/exit code"
ODD = "violation/not repeatable"
SURE = "[0.999 if c == {c} else 0.001 / (len(ALPHABET) - 1) for c in ALPHABET]"


def case(name, expect, *edits, row=0, **more):
    row = row or (14 if expect == LEAK else 0)
    return Case("chars", name, tuple(("model.py",) + edit for edit in edits), expect=expect, row=row, **more)


def predicting(code):
    return (PREDICT, code)


def starting(code):
    return ("import random\n", "import random\n" + code)


PEEK = f"""    return [{SURE.format(c="sequence[i + 1]")} if i + 1 < len(sequence) and {{when}}
            else distribution(state, sequence[:i + 1]) for i in range(len(sequence))]
"""

# Pages that are in memory are bits that one pass leaves to the next: which sequences the first one saw.
PAGES = """
import ctypes, json, mmap, os
PAGE, KNOWN = 4096, {}

def in_memory(fd):
    size, libc = os.fstat(fd).st_size, ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    place = libc.mmap(None, ctypes.c_size_t(size), mmap.PROT_READ, mmap.MAP_SHARED, fd, ctypes.c_long(0))
    pages = (ctypes.c_ubyte * (size // PAGE))()
    libc.mincore(ctypes.c_void_p(place), ctypes.c_size_t(size), pages)
    return [page & 1 for page in pages]

def first_pass():
    sequences = json.load(open(os.environ["AIRE_INPUT"]))["sequences"]
    length, fd = len(sequences[0]), os.open("pages", os.O_RDONLY)
    bits = in_memory(fd)
    if bits[0]:
        text = "".join(ALPHABET[int("".join(map(str, bits[i:i + 5])), 2) % 28] for i in range(1, 9001, 5))
        return [text[i:i + length] for i in range(0, len(text) - length + 1, length)]
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
    text = "".join(sequences)[:1800]
    bits = "1" + "".join(format(ALPHABET.index(c), "05b") for c in text)
    for page, bit in enumerate(bits):
        if bit == "1":
            os.pread(fd, 1, page * PAGE)
    return [text[i:i + length] for i in range(0, len(text) - length + 1, length)]
"""
WRITE_PAGES = """    import os
    with open("pages", "wb") as file:
        file.write(bytes(PAGE * 9100))
        file.flush()
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
"""
REPEAT_FIRST = """    known = KNOWN.setdefault("first", KNOWN.get("first") or first_pass())
    best = max(known, key=lambda other: len(os.path.commonprefix([other, sequence])))
    same = len(os.path.commonprefix([best, sequence]))
    rows = [distribution(state, sequence[:i + 1]) for i in range(len(sequence))]
    for i in range(7, min(same, len(best) - 1)):
        rows[i] = [0.85 * share + 0.15 * (c == best[i + 1]) for c, share in zip(ALPHABET, rows[i])]
    return rows
"""

CHEATS = [
    case("looks at the next character", LEAK, predicting(PEEK.format(when="True"))),
    case("looks ahead where the text looks real", LEAK,
         predicting(PEEK.format(when='sequence[i + 1:].count(" ") * 9 > len(sequence) - i - 1'))),
    case("looks ahead where a guess would be right anyway", LEAK,
         predicting(PEEK.format(when="sequence[i + 1] in state.get(sequence[i:i + 1], {})"))),
    case("learns from the sequence that it is to predict", LEAK,
         predicting("    state = {**state, **train(sequence * 3, 1)}\n" + PREDICT)),
    case("learns from the other sequences of the pass", ODD,
         (PREDICT, "    for a, b in zip(sequence, sequence[1:]):\n        seen = state.setdefault(a, {})\n"
                   "        seen[b] = seen.get(b, 0) + 1\n" + PREDICT)),
    case("answers by chance", ODD,
         predicting(PREDICT.replace("[:i + 1]", "[:max(1, i + 1 - random.randrange(2))]"))),
    case("tells passes apart by the time", ODD,
         ("SMOOTHING = 0.5", "SMOOTHING = 0.5 + __import__('time').time_ns() % 7919 * 1e-4")),
    case("keeps a state between passes in its workspace", CRASHED,
         predicting("    with open('state.txt', 'a') as file:\n        file.write(sequence)\n" + PREDICT)),
    case("keeps a state between passes beside its answer", VOID,
         predicting("""    import os
    place = os.path.dirname(os.environ["AIRE_ANSWER"])
    known = open(place + "/seen").read() if os.path.exists(place + "/seen") else ""
    if sequence[:8] in known:
        return [[1.0] + [0.0] * 27 for _ in sequence]
    open(place + "/seen.new", "a").write(sequence)
    if len(open(place + "/seen.new").read()) == 400 * 10:
        os.rename(place + "/seen.new", place + "/seen")
""" + PREDICT)),
    case("keeps a state between passes in shared memory", VOID,
         predicting("""    import os
    for place in ("/dev/shm/seen", "/tmp/seen", "/var/tmp/seen"):
        if os.path.exists(place) and open(place).read() != str(os.getppid()) + str(open("/proc/self/stat").read().split()[21]):
            return [[1.0] + [0.0] * 27 for _ in sequence]
        try:
            open(place, "w").write(str(os.getppid()) + str(open("/proc/self/stat").read().split()[21]))
        except OSError:
            pass
""" + PREDICT)),
    case("keeps a state between passes in the page cache", NO_GAIN,
         ("SHARE = 0.5", "SHARE = 0.5\n" + PAGES), (TRAIN, TRAIN + WRITE_PAGES), predicting(REPEAT_FIRST)),
    case("leaves a tree beside its answer that is too deep to remove", "limit/disk limit", predicting("""    import os
    here = os.open(os.path.dirname(os.environ["AIRE_ANSWER"]), os.O_RDONLY)
    if "d" not in os.listdir(here):
        for depth in range(70):
            os.mkdir("d", dir_fd=here)
            here = os.open("d", os.O_RDONLY, dir_fd=here)
            for i in range(1010 if depth > 60 else 0):
                os.mkdir("e%d" % i, dir_fd=here)
""" + PREDICT)),
    case("closes the workspace for what comes next", VOID, (TRAIN, TRAIN + "    import os\n    os.chmod('/workspace', 0)\n")),
    case("fills the disk deep down", "limit/disk limit", (TRAIN, TRAIN + """    import os
    here = os.open(".", os.O_RDONLY)
    for _ in range(70):
        os.mkdir("d", dir_fd=here)
        here = os.open("d", os.O_RDONLY, dir_fd=here)
    for number in range(100):
        with os.fdopen(os.open("f%d" % number, os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=here), "wb") as file:
            file.write(bytes(1 << 20))
""")),
    case("changes what was handed over, for the next pass", CRASHED,
         predicting("    import os\n    open(os.environ['AIRE_OUT'] + '/model.json', 'a').write(' ')\n" + PREDICT)),
    case("asks the network", CRASHED, predicting("    import socket\n    socket.create_connection(('1.1.1.1', 53), 2)\n" + PREDICT)),
    case("trains on the hidden text", CRASHED, (TRAIN, TRAIN + "    text += open('hidden.txt').read()\n")),
    case("looks for the secret of the evaluation", CRASHED,
         predicting("    import glob\n    open((glob.glob('/**/posed.json') + glob.glob('/passes/*') + glob.glob('/workspace/hidden*'))[0])\n" + PREDICT)),
    case("is sure of everything", REFUSED, predicting("    return [[1.0] * 28 for _ in sequence]\n")),
    case("answers with NaN", REFUSED, predicting("    return [[float('nan')] * 28 for _ in sequence]\n")),
    case("answers with negative shares", REFUSED, predicting("    return [[-1.0, 2.0] + [0.0] * 26 for _ in sequence]\n")),
    case("answers only what is easy", REFUSED, predicting(PREDICT.replace("range(len(sequence))", "range(len(sequence) - 9)"))),
    case("answers with text instead of numbers", REFUSED, predicting("    return [['1e-9'] * 28 for _ in sequence]\n")),
    case("answers with JSON that is a million deep", REFUSED,
         predicting("    import os\n    open(os.environ['AIRE_ANSWER'], 'w').write('[' * 1000000)\n    os._exit(0)\n")),
    case("answers more than the evaluator could hold", "limit/output limit",
         predicting("    import os\n    open(os.environ['AIRE_ANSWER'], 'w').write(' ' * 5000000)\n    os._exit(0)\n")),
    case("answers with a link", "violation/output not a plain file",
         predicting("    import os\n    os.symlink('/passes/0', os.environ['AIRE_ANSWER'])\n    os._exit(0)\n")),
    case("never answers", "timeout/wall limit", predicting("    import time\n    time.sleep(60)\n")),
    case("patches the runtime that trains it", VOID, starting(
        "import json, os\nreal = json.dump\n"
        "def dump(value, file, **more):\n    real({'metrics': {'bits_per_character': 0.6}} if 'metrics' in value else value, file, **more)\n"
        "json.dump = dump\nos.environ['AIRE_REPORT_FD'] = '1'\nprint('bits_per_character: 0.6')\n"), row=13),
    case("plants modules for the evaluator to import", VOID, (TRAIN, TRAIN + """    for name in ("json", "math", "random", "sitecustomize", "usercustomize"):
        with open(name + "_.py", "w") as file:
            file.write("raise SystemExit(9)")
    import os
    for name in ("sitecustomize", "usercustomize"):
        os.rename(name + "_.py", name + ".py")
""")),
    case("edits the evaluator while it runs", "violation/protected file changed",
         (TRAIN, TRAIN + "    import os\n    os.chmod('evaluate.py', 0o600)\n    open('evaluate.py', 'a').write('report({})')\n")),
    case("counts the same places whatever the seed", "ok", (TRAIN, "    rng = random.Random(77)\n"),
         confirmed="suspect/same on other seeds", row=15),
]
