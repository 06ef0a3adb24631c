#!/usr/bin/env bash
# From a fresh clone to a finished search, in a few minutes: no model key and no GPU needed.
#
# usage: examples/quickstart.sh [OPTION ...]     options are passed on to aire-evolve
#
# Installs the Debian packages that are missing (as root, or by sudo), builds and installs libaire below
# build/quickstart, prepares English text, and runs evolutionary search over examples/envs/nanogpt: a small GPT is
# trained on the CPU, in a sandbox, for each idea. Run again, it goes on where it was; remove
# build/quickstart/search.aire* to begin anew.
set -eu
cd "$(dirname "$0")/.."
case "${1:-}" in -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
top=$PWD
build=$top/build/quickstart
prefix=$build/prefix
store=$build/search.aire
# shellcheck source=examples/packages.sh
. examples/packages.sh

step() { printf '\n== %s\n' "$*"; }

step "Packages"
need_packages "${build_packages[@]}"

step "Building (log: build/quickstart.log)"
mkdir -p build
if ! {
    { [ -f "$build/build.ninja" ] ||
        meson setup "$build" --prefix "$prefix" --libdir lib --buildtype release -Dtests=false; } &&
        ninja -C "$build" install
} >build/quickstart.log 2>&1; then
    tail -n 30 build/quickstart.log
    echo "The build failed; the whole log is in build/quickstart.log." >&2
    exit 1
fi

step "Text to train on"
PATH=$prefix/bin:$PATH examples/envs/nanogpt/prepare.sh "$build/data"

step "Evolutionary search over examples/envs/nanogpt"
resume=()
[ ! -f "$store" ] || resume=(--resume)
exec "$prefix/bin/aire-evolve" run examples/envs/nanogpt --store "$store" --var "AIRE_DATA=$build/data" \
    --ideator knobs --searcher evolution --epochs 4 --epoch-size 12 --batch 4 --seed 1 \
    "${resume[@]}" "$@"
