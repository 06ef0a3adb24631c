"""Programs build against an installed prefix with pkg-config alone: C, C++, and a training program."""
import os
import pathlib
import subprocess

import pytest

PREFIX = os.environ.get("AIRE_PREFIX")
HERE = pathlib.Path(__file__).resolve().parent

LOOP = """
#include <aire/aire.h>
#include <stdio.h>
int main(void)
{
    aire_ctx *ctx = NULL;
    if (aire_ctx_new(NULL, &ctx) != AIRE_OK)
        return 1;
    aire_sandbox *sandbox = NULL;
    aire_status status = aire_sandbox_new(ctx, NULL, &sandbox);
    if (status != AIRE_OK && status != AIRE_UNSUPPORTED)
        return 2;
    printf("%s %s\\n", aire_version_string(), aire_status_name(status));
    aire_sandbox_unref(sandbox);
    aire_ctx_unref(ctx);
    return 0;
}
"""
TRAIN = """
#include <aire/train.h>
#include <stdio.h>
int main(void)
{
    aire_ctx *ctx = NULL;
    aire_tape *tape = NULL;
    if (aire_ctx_new(NULL, &ctx) != AIRE_OK || aire_tape_new(ctx, NULL, &tape) != AIRE_OK)
        return 1;
    aire_tape_unref(tape);
    aire_ctx_unref(ctx);
    puts(aire_version_string());
    return 0;
}
"""


def build_and_run(tmp_path, package, source, name, compiler):
    (tmp_path / name).write_text(source)
    environment = {**os.environ, "PKG_CONFIG_PATH": f"{PREFIX}/lib/pkgconfig"}
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", package], env=environment, check=True,
                           capture_output=True, text=True).stdout.split()
    program = tmp_path / "program"
    subprocess.run(compiler + ["-Wall", "-Wextra", "-Werror", str(tmp_path / name), "-o", str(program), *flags],
                   check=True)
    run = subprocess.run([program], env={"LD_LIBRARY_PATH": f"{PREFIX}/lib"}, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout, flags


@pytest.fixture(autouse=True)
def prefix():
    if not PREFIX:
        pytest.skip("AIRE_PREFIX names no installed prefix")


@pytest.mark.parametrize("name, compiler", [("loop.c", ["cc", "-std=c11"]), ("loop.cpp", ["c++", "-std=c++11"])])
def test_loop_program(tmp_path, name, compiler):
    printed, _ = build_and_run(tmp_path, "aire", LOOP, name, compiler)
    assert printed.startswith("0.1.0 AIRE_")


def test_training_program_links_the_engine_alone(tmp_path):
    _, flags = build_and_run(tmp_path, "aire-train", TRAIN, "train.c", ["cc", "-std=c11"])
    assert "-laire" not in flags and "-laire-train" in flags


def test_driver_is_installed():
    run = subprocess.run([f"{PREFIX}/bin/aire-evolve", "--version"], capture_output=True, text=True,
                         env={"LD_LIBRARY_PATH": f"{PREFIX}/lib", "PATH": os.environ["PATH"]})
    assert run.returncode == 0 and "0.1.0" in run.stdout
