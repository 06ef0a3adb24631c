#!/bin/sh
# "uv run COMMAND" where there is no uv and no network: the packages are those of the interpreter in
# front of PATH. Options that choose packages, indexes or a project are passed over.
if [ "$1" != run ]; then
    echo "uv $1: there is no uv in this sandbox, and no network; only 'uv run' is understood" >&2
    exit 2
fi
shift
while [ $# -gt 0 ]; do
    case $1 in
        --) shift; break ;;
        -m|--module) shift; exec python3 -m "$@" ;;
        --project|--directory|--default-index|--index|--index-url|--extra-index-url|--index-strategy) shift 2 ;;
        --with|--with-requirements|--extra|--group|--python|-p|--env-file|--link-mode) shift 2 ;;
        -*) shift ;;
        *) break ;;
    esac
done
case $1 in
    *.py) exec python3 "$@" ;;
    python) command -v python >/dev/null 2>&1 || { shift; exec python3 "$@"; } ;;
esac
exec "$@"
