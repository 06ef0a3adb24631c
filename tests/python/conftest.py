"""What the tests of the bindings share: a small environment in shell, and the objects of a loop on it."""
import json
import os
import pathlib
import stat

import pytest

import aire

ROOT = pathlib.Path(__file__).resolve().parents[2]

MANIFEST = {
    "aire": 1,
    "name": "square",
    "goal": "Bring x close to 3.",
    "files": {"editable": ["params.txt"], "protected": ["run.sh", "evaluate.sh"]},
    "run": {"command": ["sh", "run.sh"], "timeout_s": 20},
    "evaluate": {"command": ["sh", "evaluate.sh"], "timeout_s": 20},
    "outputs": [{"path": "x", "max_mb": 1, "required": True}],
    "metric": {"name": "distance", "direction": "minimize", "stage": "evaluate", "trust": "evaluated",
               "valid": [0, 1000], "reward": "negate"},
    "knobs": [{"name": "x", "about": "the only parameter", "file": "params.txt", "text": "x={}",
               "baseline": "8", "range": [-10, 20], "scale": "linear", "integer": True}],
}
FILES = {
    "params.txt": "x=8\n",
    "run.sh": '. ./params.txt\necho "$x" >"$AIRE_OUT/x"\n',
    "evaluate.sh": 'x=$(cat "$AIRE_OUT/x")\nd=$((x - 3))\n[ $d -ge 0 ] || d=$((-d))\n'
                   'echo "{\\"metrics\\": {\\"distance\\": $d}}" >&"$AIRE_REPORT_FD"\n',
}


@pytest.fixture
def env_path(tmp_path):
    path = tmp_path / "square"
    path.mkdir()
    (path / "aire.json").write_text(json.dumps(MANIFEST))
    for name, content in FILES.items():
        (path / name).write_text(content)
    return path


@pytest.fixture
def ctx():
    with aire.Context(seed=1) as ctx:
        yield ctx


@pytest.fixture
def env(ctx, env_path):
    with aire.Environment(ctx, env_path) as env:
        yield env


@pytest.fixture
def store(ctx, tmp_path):
    with aire.Store(ctx, tmp_path / "store.aire") as store:
        yield store


@pytest.fixture(scope="session")
def can_sandbox():
    with aire.Context() as ctx:
        try:
            aire.Sandbox(ctx).close()
        except aire.UnsupportedError as error:
            pytest.skip(str(error))


def diff(x):
    """The patch that sets x."""
    return f"--- a/params.txt\n+++ b/params.txt\n@@ -1 +1 @@\n-x=8\n+x={x}\n"
