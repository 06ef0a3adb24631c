#!/usr/bin/env bash
# Sourced by the set-up scripts: the packages of Debian 12 that libaire needs, and how to get them.

# What building and running need; the packages with texts are named by the environments' own scripts.
# shellcheck disable=SC2034  # for those who source this
build_packages=(gcc libc6-dev pkg-config meson ninja-build python3 bubblewrap libcurl4-openssl-dev
    libjansson-dev libarchive-dev libsqlite3-dev libseccomp-dev musl-tools)
# shellcheck disable=SC2034
test_packages=(g++ libcmocka-dev python3-venv python3-pip binutils git procps slurm-wlm munge)

# have PACKAGE: whether it is installed.
have() {
    dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -q '^installed$'
}

# need_packages NAME...: install what is missing; on another system say what is needed, and go on.
need_packages() {
    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
        echo "This is no Debian system: please see to it that these (by their Debian names) are there:"
        echo "    $*"
        return 0
    fi
    local missing=() as_root=() package
    for package in "$@"; do
        have "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ]; then
        as_root=(sudo)
        if ! command -v sudo >/dev/null; then
            echo "Neither root nor sudo is at hand. Please install: ${missing[*]}" >&2
            return 1
        fi
    fi
    echo "Installing: ${missing[*]}"
    "${as_root[@]}" apt-get update -q >/dev/null &&
        DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -q --no-install-recommends \
            "${missing[@]}" >/dev/null
}
