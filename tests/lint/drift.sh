#!/bin/sh
# The documents generated from proto.def against those in the tree.
#
#   drift.sh PROTOGEN [SRCDIR]          compare; 1 and a diff when one is behind
#   drift.sh --write PROTOGEN [SRCDIR]  renew them (`make docs`)
set -eu
write=
[ "$1" != --write ] || { write=1; shift; }
gen=$1
src=${2:-$(dirname "$0")/../..}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
status=0

one() # output file
{
    "$gen" "$1" >"$out/$1"
    if [ -n "$write" ]; then
        cmp -s "$out/$1" "$src/$2" || cp "$out/$1" "$src/$2"
    elif ! diff -u "$src/$2" "$out/$1"; then
        echo "$2 is behind src/api/proto.def: run make docs" >&2
        status=1
    fi
}

one markdown docs/PROTOCOL.md
one schema docs/protocol/schema.json
one asyncapi docs/protocol/asyncapi.json
one typescript client/src/protocol.ts
exit $status
