#!/usr/bin/env bash
# Prepare the text of the nanoGPT environment.
#
# usage: prepare.sh DIRECTORY
#
# Takes the King James Bible from Debian's packages bible-kjv and bible-kjv-text (4.2 MB of English), keeps three books out as
# hidden text for the evaluation, and writes byte shards: DIRECTORY/train/train_0.bin and DIRECTORY/hidden/hidden_0.bin. Needs
# aire-tokenize on the PATH. The same package gives the same bytes.
set -eu
directory=${1:?usage: prepare.sh DIRECTORY}
# shellcheck source=examples/packages.sh
. "$(dirname "$0")/../../packages.sh"
hidden='^(Josh|Eze|Acts)[0-9]'

if [ -f "$directory/train/train_0.bin" ] && [ -f "$directory/hidden/hidden_0.bin" ]; then
    echo "The text is there: $directory"
    exit 0
fi
need_packages bible-kjv bible-kjv-text
mkdir -p "$directory/train" "$directory/hidden"
text=$(mktemp)
trap 'rm -f "$text"' EXIT
bible -f 'Gen1:1-Rev22:21' </dev/null >"$text"
grep -Ev "$hidden" "$text" | cut -d' ' -f2- | aire-tokenize --output "$directory/train/train_0.bin"
grep -E "$hidden" "$text" | cut -d' ' -f2- | aire-tokenize --output "$directory/hidden/hidden_0.bin"
echo "Prepared $(stat -c %s "$directory/train/train_0.bin") bytes to train on, $(stat -c %s "$directory/hidden/hidden_0.bin") hidden: $directory"
