#!/usr/bin/env python3
"""How many ideas come to a result, when a model writes their patches as models do.

usage: completion.py [--ideas N] [--failures]      AIRE_LIBRARY and AIRE_WORKER name the library and its supervisor

A scripted model (damage_script.py, tests/data/damage_rates.json) behind an OpenAI-compatible endpoint on loopback answers the
requests of the executor's Implementer, for N ideas (80) in each of three environments (C, Python, shell) of our own files. The
run hands over a checksum of the editable files and the evaluation makes it the metric, so that a result tells whether the patch
was applied as meant. The same script goes through the paper's procedure (arXiv 2601.14525): hunk headings counted afresh,
`patch -p0`, 10 samples, each revised twice with what `patch` said. An idea is completed if its result is OK and its files are
what the idea means.
"""
import argparse
import collections
import hashlib
import http.client
import http.server
import json
import pathlib
import re
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "bindings" / "python")]
import aire  # noqa: E402
import damage_script  # noqa: E402
import patch_edits  # noqa: E402
import patch_peers  # noqa: E402

IDEAS, CANDIDATES, REVISIONS, WORKERS = 80, 10, 2, 2
GOAL = 0.95
LANGUAGES = list(patch_edits.GROUPS)
MANIFEST = {
    "aire": 1, "name": "sums", "goal": "Implement the idea.", "run": {"command": ["sh", "aire_run.sh"], "timeout_s": 20},
    "evaluate": {"command": ["sh", "aire_evaluate.sh"], "timeout_s": 20}, "outputs": [{"path": "sum", "max_mb": 1, "required": True}],
    "metric": {"name": "sum", "direction": "maximize", "stage": "evaluate", "trust": "evaluated", "valid": [0, 2**48]},
}
EVALUATE = 'read -r sum rest <"$AIRE_OUT/sum"\nprintf \'{"metrics": {"sum": %d}}\' "0x$sum" >&"$AIRE_REPORT_FD"\n'


# ---- the environments ----

def group_of(language):
    return patch_edits.GROUPS[language][damage_script.GROUP]


def checksum(files, paths):
    """What the run and the evaluation of an environment make of its editable files."""
    return float(int(hashlib.sha256("".join(files[path] for path in paths).encode()).hexdigest()[:12], 16))


def write_environment(directory, language):
    editable, protected = group_of(language)
    own = {"aire_run.sh": f"cat {' '.join(editable)} | sha256sum | cut -c1-12 >\"$AIRE_OUT/sum\"\n", "aire_evaluate.sh": EVALUATE}
    manifest = {**MANIFEST, "files": {"editable": editable, "protected": [protected, *own]}}
    texts = {path: patch_edits.read(path) for path in [*editable, protected]}
    for path, text in {**texts, **own, "aire.json": json.dumps(manifest)}.items():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


def meant(script, number, language):
    """The checksum of an idea's files, if they are as it means them."""
    editable, _ = group_of(language)
    files = {path: patch_edits.read(path) for path in editable}
    files.update({path: after for path, (_, after) in script.ideas[number].changes.items()})
    return checksum(files, editable)


# ---- the model ----

class Endpoint(http.server.ThreadingHTTPServer):
    """Answers for idea N, named in the first message; each procedure counts its samples in a room of its own."""
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, script):
        super().__init__(("127.0.0.1", 0), Handler)
        self.script, self.lock = script, threading.Lock()
        self.samples, self.answers = collections.Counter(), collections.Counter()
        self.talks = {}  # (room, idea, texts so far) -> sample

    def answer(self, room, messages):
        number = int(re.search(r"Idea (\d+) of the script", messages[0]["content"]).group(1))
        refusals = len(messages) // 2
        with self.lock:
            self.answers[room] += 1
            if not refusals:
                sample = self.samples[room, number]
                self.samples[room, number] += 1
            else:  # the sample that a conversation goes on from is the one that gave its last answer
                sample = self.talks[room, number, refusals - 1, self.told(messages[-2]["content"])]
        text, _ = self.script.answer(number, sample, refusals)
        with self.lock:
            self.talks[room, number, refusals, self.told(text)] = sample
        return text

    @staticmethod
    def told(text):
        """An answer as it comes back, when the client has taken the thinking off its front."""
        return re.sub("<think>.*?</think>", "", text.replace("\r", ""), flags=re.S).strip()

    def handle_error(self, request, client_address):
        """A request that was given up, as another candidate was first, is none."""
        if not isinstance(sys.exc_info()[1], (BrokenPipeError, ConnectionResetError)):
            super().handle_error(request, client_address)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = self.server.answer(body["model"], body["messages"])
        data = json.dumps({"id": "x", "object": "chat.completion", "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}).encode()
        try:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except (BrokenPipeError, ConnectionResetError):  # another candidate was first
            self.close_connection = True


# ---- through the executor ----

def run_ours(script, endpoint, root, language, candidates, room, told):
    """Idea -> (completed, cause) for the ideas of a language; `told` gets what the store says of them."""
    directory = root / f"{language}-{room}"
    write_environment(directory, language)
    numbers, out = {}, {}
    with aire.Context(seed=1) as ctx:
        env = aire.Environment(ctx, directory)
        model = aire.Model(ctx, f"chat:{room}@http://127.0.0.1:{endpoint.server_address[1]}/v1", api_key="", timeout=60, proxy="")
        store = aire.Store(ctx, root / f"{language}-{room}.aire")
        executor = aire.Executor(ctx, env, aire.Sandbox(ctx), store, workers=WORKERS, work_dir=root / f"work-{language}-{room}",
                                 implementer=model, candidates=candidates, revisions=REVISIONS, repairs=0)
        for number, edit in enumerate(script.ideas):
            if edit.language == language:
                idea = aire.Idea(ctx, f"Idea {number} of the script: {edit.name} in {', '.join(edit.changes)}.")
                numbers[executor.submit(idea)] = number
        for result in executor.results():
            number = numbers.get(result.run_id)
            if number is None:
                continue  # the baseline
            if result.outcome != "ok":
                out[number] = (False, f"{result.outcome}: {result.cause}")
            elif result.metrics["sum"] == meant(script, number, language):
                out[number] = (True, "completed")
            else:
                out[number] = (False, "applied wrongly")
        told += store.completion()
        for handle in (executor, store, model, env):
            handle.close()
    return out


# ---- through the paper's procedure ----

def ask(endpoint, room, messages):
    connection = http.client.HTTPConnection(*endpoint.server_address, timeout=60)
    connection.request("POST", "/v1/chat/completions", json.dumps({"model": room, "messages": messages}))
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer["choices"][0]["message"]["content"]


def paper_sample(endpoint, room, files, request):
    """The files after one sample, revised as long as it may be; None if it never applied."""
    messages = [{"role": "user", "content": request}]
    for _ in range(1 + REVISIONS):
        text = ask(endpoint, room, messages)
        outcome = patch_peers.apply_paper(files, text)
        if outcome["outcome"] == "ok":
            return {**files, **outcome["files"]}
        messages += [{"role": "assistant", "content": text}, {"role": "user", "content": outcome["message"]}]
    return None


def run_paper(script, endpoint, samples, room):
    """Idea -> (completed, cause): the first sample that applies goes on."""
    out = {}
    for number, edit in enumerate(script.ideas):
        editable, protected = group_of(edit.language)
        files = {path: patch_edits.read(path) for path in [*editable, protected]}
        out[number] = (False, "no sample applied")
        for _ in range(samples):
            after = paper_sample(endpoint, room, files, f"Idea {number} of the script")
            if after:
                right = all(after.get(path) == edit.changes.get(path, (None, files[path]))[1] for path in files)
                changed = any(after.get(path) != files[path] for path in files)
                out[number] = (right, "completed" if right else "applied wrongly" if changed else "nothing changed")
                break
    return out


# ---- figures ----

def share(out, numbers):
    numbers = list(numbers)
    return sum(out[number][0] for number in numbers) / len(numbers) if numbers else 0.0


def print_outcomes(script, title, out, asked):
    print(f"# {title}: {share(out, out):.3f} of {len(out)} ideas completed, {asked} answers asked for")
    for cause, count in collections.Counter(cause for _, cause in out.values()).most_common():
        print(f"#   {cause:40} {count:5}")
    for kind in ("hyper-parameter", "algorithmic"):
        numbers = [number for number in out if script.kind_of(number) == kind]
        print(f"#   of {len(numbers):4} {kind + ' ideas':24} {share(out, numbers):.3f} completed")
    numbers = [number for number in out if script.is_hard(number)]
    print(f"#   of {len(numbers):4} {'hard ideas':24} {share(out, numbers):.3f} completed")


def print_store(told):
    """The same by the store's own statistics, which know ideas by what their patches do."""
    rows = collections.Counter()
    for row in told:
        rows[row.kind or "unknown", f"{row.outcome}: {row.cause}" if row.outcome != "ok" else "completed", "ideas"] += row.runs
        rows[row.kind or "unknown", f"{row.outcome}: {row.cause}" if row.outcome != "ok" else "completed", "drafts"] += row.drafts
    print("#   as the store tells it:")
    for kind, end in sorted({key[:2] for key in rows}):
        print(f"#   {kind:16} {end:34} {rows[kind, end, 'ideas']:5} ideas {rows[kind, end, 'drafts']:6} drafts")


def check_store(told, ours):
    """The store counts as many ideas, and as many with a result, as there were results."""
    counts = sum(row.runs for row in told), sum(row.runs for row in told if row.outcome == "ok")
    seen = len(ours), sum(cause in ("completed", "applied wrongly") for _, cause in ours.values())
    if counts != seen:
        sys.exit(f"completion.py: the store tells of {counts} ideas and results, and there were {seen}")


def measure(script, endpoint, root, wanted, name):
    """One line of figures, for so many candidates or samples."""
    ours, told, began = {}, [], time.monotonic()
    for language in LANGUAGES:
        ours.update(run_ours(script, endpoint, root, language, wanted, f"ours-{name}", told))
    check_store(told, ours)
    middle = time.monotonic()
    theirs = run_paper(script, endpoint, wanted, f"paper-{name}")
    print(f"# {name}: {middle - began:.0f} s and {time.monotonic() - middle:.0f} s")
    print_outcomes(script, f"libaire, {wanted} candidates, {REVISIONS} revisions", ours, endpoint.answers[f"ours-{name}"])
    print_store(told)
    print_outcomes(script, f"recount+patch-p0, {wanted} samples, {REVISIONS} revisions", theirs, endpoint.answers[f"paper-{name}"])
    value = share(ours, range(len(script.ideas))) if len(ours) == len(script.ideas) else 0.0
    wrong = sum(cause == "applied wrongly" for _, cause in ours.values())
    goal = f" goal={GOAL}" if wanted == CANDIDATES else ""
    passed = f" pass={'yes' if value >= GOAL and not wrong else 'no'}" if wanted == CANDIDATES else ""
    print(f"BENCH completion.{name} value={value:.4f}{goal} unit=ratio ideas={len(script.ideas)} candidates={wanted} "
          f"revisions={REVISIONS} wrong={wrong} answers={endpoint.answers[f'ours-{name}']} peer=recount+patch-p0 "
          f"peer_value={share(theirs, theirs):.4f} peer_samples={wanted} "
          f"peer_wrong={sum(cause == 'applied wrongly' for _, cause in theirs.values())} "
          f"peer_answers={endpoint.answers[f'paper-{name}']}{passed}")
    return ours


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].replace("usage: ", ""))
    parser.add_argument("--ideas", type=int, default=IDEAS)
    parser.add_argument("--failures", action="store_true")
    options = parser.parse_args()
    script = damage_script.Script(options.ideas)
    endpoint = Endpoint(script)
    threading.Thread(target=endpoint.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="aire-bench-") as directory:
        root = pathlib.Path(directory)
        measure(script, endpoint, root, 1, "one_candidate")
        ours = measure(script, endpoint, root, CANDIDATES, "ideas")
    if options.failures:
        for number, (completed, cause) in sorted(ours.items()):
            if not completed:
                print(f"\n{'=' * 80}\nidea {number} ({script.ideas[number].name}): {cause}")
                for sample in range(3):
                    text, plan = script.answer(number, sample, 0)
                    print(f"--- sample {sample}: {' '.join(plan)}\n{text}")
    endpoint.shutdown()


main()
