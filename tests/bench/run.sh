#!/usr/bin/env bash
# Build for speed and run benchmarks.
#
# usage: tests/bench/run.sh [NAME ...]     names: engine sandbox executor store searcher early_stop models answers openevolve kills
#                                          patch completion redteam; default: all
#
# Builds in build/release (or $AIRE_BUILD/release). The peers openevolve, openai and shinka-evolve are installed below it, in virtual
# environments of their own; where that cannot be, the comparison says peer=missing. The number of kills is $BENCH_KILLS, default 1000.
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
build=${AIRE_BUILD:-$top/build}/release
all="engine sandbox executor store searcher early_stop models answers openevolve kills patch completion redteam"

case "${1:-}" in -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
names=${*:-$all}
for name in $names; do
    case " $all " in *" $name "*) ;; *) echo "run.sh: no benchmark '$name'; there are: $all" >&2; exit 2 ;; esac
done

# A build tree that is there is taken as it is.
mkdir -p "$(dirname "$build")" || exit 1
[ -f "$build/build.ninja" ] || meson setup "$build" "$top" --buildtype=release >"$build.log" 2>&1 ||
    { cat "$build.log"; exit 1; }
programs="tests/bench/bench_engine tests/bench/bench_sandbox tests/bench/bench_executor tests/bench/bench_store
    tests/bench/bench_searcher tests/bench/bench_early_stop tests/bench/bench_models tests/bench/bench_chat_server tests/bench/bench_answers tests/bench/bench_patch tests/integration/crash_host lib/worker/aire-worker
    lib/libaire.so.0.1.0 examples/aire-tokenize"
# shellcheck disable=SC2086
ninja -C "$build" $programs >"$build/bench.log" 2>&1 || { tail -n 60 "$build/bench.log"; exit 1; }
export AIRE_WORKER=$build/lib/worker/aire-worker

# peer_python PACKAGE VERSION [OPTION ...]: a Python with that peer, in the version that the figures are of; else the newest.
peer_python() {
    local venv=$build/$1 package=$1 version=$2
    shift 2
    [ -x "$venv/bin/python" ] || python3 -m venv "$venv" >&2 || return 1
    "$venv/bin/pip" show -q "$package" >/dev/null 2>&1 || "$venv/bin/pip" install -q "$@" "$package==$version" >&2 ||
        "$venv/bin/pip" install -q "$@" "$package" >&2
    echo "$venv/bin/python"
}

failed=0
for name in $names; do
    echo "== $name"
    case $name in
    openevolve)
        "$(peer_python openevolve 0.3.2 || command -v python3)" tests/bench/openevolve.py "$build/tests/bench/bench_executor"
        ;;
    models)
        "$(peer_python openai 3.57.0 || command -v python3)" tests/bench/models.py "$build/tests/bench/bench_models" \
            "$build/tests/bench/bench_chat_server"
        ;;
    completion)
        AIRE_LIBRARY=$build/lib/libaire.so LD_LIBRARY_PATH=$build/lib python3 tests/bench/completion.py
        ;;
    redteam) # what the environments mount of an installed library
        mkdir -p "$build/redteam/bin" "$build/redteam/lib" && cp -r "$top/include" "$build/redteam" &&
            cp "$build/lib/libaire-train.so" "$build/lib/libaire-train.so.0" "$build/redteam/lib" && cp "$build/examples/aire-tokenize" "$build/redteam/bin" &&
            AIRE_PREFIX=$build/redteam AIRE_LIBRARY=$build/lib/libaire.so LD_LIBRARY_PATH=$build/lib PYTHONPATH=bindings/python \
                PYTHONDONTWRITEBYTECODE=1 python3 tests/redteam/redteam.py
        ;;
    patch)
        # Of shinka-evolve only the modules that apply edits are used, which need nothing else.
        python3 tests/bench/patch.py "$build/tests/bench/bench_patch" \
            --peer "openevolve=$(peer_python openevolve 0.3.2 || command -v python3)" \
            --peer "shinka=$(peer_python shinka-evolve 0.0.7 --no-deps || command -v python3)"
        ;;
    kills)
        python3 tests/bench/kills.py "$build/tests/integration/crash_host" examples/envs/shell "${BENCH_KILLS:-1000}"
        ;;
    *) "$build/tests/bench/bench_$name" ;;
    esac || { echo "run.sh: the benchmark '$name' failed" >&2; failed=1; }
done
exit $failed
