"""The key of a model goes into the header of its requests and nowhere else, whatever the server says.

A whole search with a server that repeats the key in errors, headers, streams, ideas and patches; then every file that
came of it, all output, and what its child processes could see, are searched for the key and for any 8 bytes of it.
"""
import ctypes
import ctypes.util
import json
import os
import pathlib
import random
import string
import subprocess
import sys
import time

import pytest

import aire
from aire._handle import make
from aire._lib import lib, text
from conftest import FILES, MANIFEST, ROOT

PREFIX = os.environ.get("AIRE_PREFIX")
KEY = "KEY-" + "".join(random.Random(os.urandom(16)).choices(string.ascii_letters + string.digits, k=40))
LEAST = 8
PARTS = {KEY[at:at + LEAST].encode() for at in range(len(KEY) - LEAST + 1)}
TIME_S = 60

# Everything that a run can see of its own and of other processes, as its output.
LOOK = ('env; tr "\\0" "\\n" </proc/self/environ\nfor f in /proc/[0-9]*/environ /proc/[0-9]*/cmdline; do '
        'echo "$f"; tr "\\0" "\\n" <"$f"; done 2>&1\nsleep 0.5\n')


def leaks(data):
    return sorted(part.decode() for part in PARTS if part in data)


def assert_clean(data, where):
    assert leaks(data) == [], f"{where}: {data[max(0, data.find(leaks(data)[0].encode()) - 200):][:600]!r}"


def files_below(path):
    return [file for file in path.rglob("*") if file.is_file() and not file.is_symlink()]


@pytest.fixture
def server():
    process = subprocess.Popen([sys.executable, ROOT / "tests/fake_chat.py", KEY], stdout=subprocess.PIPE, text=True)
    yield f"http://127.0.0.1:{process.stdout.readline().strip()}", process.pid
    process.kill()
    process.communicate()


@pytest.fixture
def curious_env(tmp_path):
    """An environment whose runs tell what they see, and whose files are all kept."""
    path = tmp_path / "env"
    path.mkdir()
    manifest = {**MANIFEST, "outputs": [*MANIFEST["outputs"], {"path": "seen", "max_mb": 4}],
                "retention": {"best": 9, "failed": 9, "keep": ["variant", "logs", "outputs"]}}
    (path / "aire.json").write_text(json.dumps(manifest))
    for name, content in {**FILES, "run.sh": FILES["run.sh"] + f"{{ {LOOK} }} >\"$AIRE_OUT/seen\"\n"
                          "cat \"$AIRE_OUT/seen\"\n"}.items():
        (path / name).write_text(content)
    return path


def read(path):
    try:
        return path.read_bytes()
    except OSError:  # it has gone
        return b""


def program_of(process):
    try:
        return os.readlink(process / "exe")
    except OSError:
        return ""


def look_at_others(spared):
    """What other processes were started with; the search itself has the key, and so has its copy before an exec."""
    runs = set()
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        if int(process.name) in spared or program_of(process).endswith("/aire-evolve"):
            continue
        told = read(process / "environ") + b"\0" + read(process / "cmdline")
        if not program_of(process).endswith("/aire-evolve"):
            assert_clean(told, "a process")
        if b"\0AIRE_OUT=" in b"\0" + told:
            runs.add(process.name)
    return runs


def watch(process, store, spared):
    """Look at the processes and at the store's files while it works; how many of both were seen."""
    runs, logs = set(), 0
    end = time.monotonic() + TIME_S
    while process.poll() is None:
        assert time.monotonic() < end, "the search takes too long"
        runs |= look_at_others(spared)
        for file in store.parent.glob(store.name + "-*"):
            content = read(file)
            logs += content != b"" and file.name.endswith("-wal")
            assert_clean(content, file.name)
        time.sleep(0.05)
    return len(runs), logs


def evolve(*words, **more):
    return subprocess.Popen([f"{PREFIX}/bin/aire-evolve", *map(str, words)],
                            env={**os.environ, "LD_LIBRARY_PATH": f"{PREFIX}/lib", **more.pop("env", {})}, **more)


def output_of(*words):
    process = evolve(*words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output, _ = process.communicate(timeout=TIME_S)
    assert process.returncode == 0, output
    return output


def unpack(archive):
    """The files in a bundle, as one text; tar may have no zstd here, the library's own libarchive has."""
    archives = ctypes.CDLL(ctypes.util.find_library("archive"))
    for name in ("archive_read_new", "archive_entry_pathname"):
        getattr(archives, name).restype = ctypes.c_void_p
    archives.archive_read_data.restype = ctypes.c_ssize_t
    reader, entry = ctypes.c_void_p(archives.archive_read_new()), ctypes.c_void_p()
    archives.archive_read_support_filter_all(reader)
    archives.archive_read_support_format_all(reader)
    assert archives.archive_read_open_filename(reader, os.fsencode(archive), ctypes.c_size_t(65536)) == 0
    buffer, content = ctypes.create_string_buffer(65536), b""
    while archives.archive_read_next_header(reader, ctypes.byref(entry)) == 0:
        while (size := archives.archive_read_data(reader, buffer, ctypes.c_size_t(65536))) > 0:
            content += buffer.raw[:size]
    archives.archive_read_free(reader)
    return content


def test_the_search_finds_parts():
    assert leaks(b"..." + KEY[5:13].encode() + b"...") == [KEY[5:13]]
    assert leaks(KEY[:7].encode()) == []


@pytest.mark.skipif(not PREFIX, reason="AIRE_PREFIX names no installed prefix")
def test_a_whole_search_keeps_it(can_sandbox, server, curious_env, tmp_path):
    (address, server_pid), store = server, tmp_path / "store" / "a.aire"
    store.parent.mkdir()
    with open(tmp_path / "output", "wb") as output:
        process = evolve(curious_env, "--store", store, "--ideator", "chat", "--model",
                         f"chat:fake@{address}/secrets/v1", "--epochs", 1, "--epoch-size", 4, "--batch", 4,
                         "--baseline", 1, "--workers", 2, "--gpus", "none", "--log", 4,
                         env={"AIRE_API_KEY": KEY}, stdout=output, stderr=output)
        try:
            runs, logs = watch(process, store, {server_pid})
        finally:
            process.kill()
            process.wait()
    told = (tmp_path / "output").read_bytes()
    assert process.returncode == 0, told
    assert runs > 0 and logs > 0
    assert b"attempt 5" in told and b"model failed 3" in told and b"ok 1 " in told, told  # all of it has happened

    listed = output_of("list", store)
    best = next(line for line in listed.splitlines() if b" idea " in line and b" ok " in line).split()[0].decode()
    shown = output_of("show", store, best)
    assert b"+# ****" in shown  # the patch went through, less the key
    output_of("export", store, tmp_path / "exported")
    output_of("bundle", store, best, tmp_path / "store/run.tar.zst")
    bundled = unpack(tmp_path / "store/run.tar.zst")
    assert b"+# ****" in bundled

    for where, content in (("output", told), ("list", listed), ("show", shown), ("bundle", bundled)):
        assert_clean(content, where)
    seen = files_below(store.parent) + files_below(tmp_path / "exported")
    assert any(file.name == "seen" and b"AIRE_SEED" in file.read_bytes() for file in seen)
    assert any(file.suffix == ".patch" for file in seen)
    for file in seen:
        assert_clean(file.read_bytes(), file)


def record(ctx, model, path):
    taped = aire.Model._borrow(make("model", lib.aire_model_new_recorder, ctx._p, model._p, text(str(path))))
    taped._ctx = ctx
    return taped


@pytest.mark.parametrize("mode", ["leakanswer", "finish", "cutkey", "leak", "leakraw", "leakpart", "leakjson", "nohttp",
                                  "badheader"])
def test_cassettes_and_errors_keep_it(server, tmp_path, mode):
    lines, cassette = [], tmp_path / "cassette"
    with aire.Context(seed=1, log=lambda *line: lines.append(" ".join(line)), level="debug") as ctx:
        model = aire.Model(ctx, f"chat:fake@{server[0]}/{mode}/v1", api_key=KEY, max_attempts=1)
        taped = record(ctx, model, cassette)
        try:
            lines.append(repr(taped.complete([("user", "hello")])))
            assert mode in ("leakanswer", "finish", "cutkey")
        except aire.AireError as error:
            lines.append(repr(error) + str(error))
    assert_clean("\n".join(lines).encode(), "messages")
    content = cassette.read_bytes()
    assert b'"hash"' in content
    assert_clean(content, "cassette")
