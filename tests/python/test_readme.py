"""The loops that the README shows compile and run as they stand there."""
import asyncio
import inspect
import os
import pathlib
import re
import subprocess
import sys
import textwrap

import pytest

import aire

ROOT = pathlib.Path(__file__).resolve().parents[2]
PREFIX = os.environ.get("AIRE_PREFIX")


def block(language):
    return re.search(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(), re.S).group(1)


def test_python_loop(env_path, tmp_path, can_sandbox):
    program = tmp_path / "loop.py"
    program.write_text(block("python"))
    run = subprocess.run([sys.executable, program, env_path, tmp_path / "s"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "+++ b/params.txt" in run.stdout


def test_c_loop(env_path, tmp_path, can_sandbox):
    if not PREFIX:
        pytest.skip("AIRE_PREFIX names no installed prefix")
    source = block("c")
    assert source.count("\n") <= 60
    (tmp_path / "loop.c").write_text(source)
    environment = {**os.environ, "PKG_CONFIG_PATH": f"{PREFIX}/lib/pkgconfig", "LD_LIBRARY_PATH": f"{PREFIX}/lib"}
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "aire"], env=environment, check=True,
                           capture_output=True, text=True).stdout.split()
    subprocess.run(["cc", "-Wall", "-Wextra", str(tmp_path / "loop.c"), "-o", str(tmp_path / "loop"), *flags],
                   check=True)
    run = subprocess.run([tmp_path / "loop", env_path, tmp_path / "s"], env=environment, capture_output=True,
                         text=True)
    assert run.returncode == 0, run.stderr
    assert "run 1: reward -5" in run.stdout and "run 2" in run.stdout


def test_python_models():
    """With a model of the host's own in place of the provider's; the rest as it stands there."""
    def model(*given, **options):
        inspect.signature(aire.Model).bind(*given, **options)
        return aire.HostModel(given[0], given[1], lambda messages: "said")

    body = block("py").replace("aire.Model(", "model_of(")
    names = {"aire": aire}
    program = "async def program(ctx, questions, model_of):\n" + textwrap.indent(body, "    ") + (
        "    return answer, futures\n")
    exec(program, names)
    with aire.Context() as ctx:
        answer, futures = asyncio.run(names["program"](ctx, ["a", "b"], model))
        assert answer.text == "said" and [future.result(20).text for future in futures] == ["said", "said"]
