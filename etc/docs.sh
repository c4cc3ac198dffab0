#!/bin/sh
# docs.sh SRC DEST - the documentation as the gateway serves it: the files of SRC/docs as they are, and
# an index of them.
set -e
src=$1/docs dest=$2
mkdir -p "$dest/protocol"
cp "$src"/*.md "$dest/"
cp "$src"/protocol/*.json "$dest/protocol/"
entry() { printf '<li><a href="%s">%s</a></li>\n' "$1" "$2"; }
{
    printf '<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>Causeway</title>\n<h1>Causeway</h1>\n<ul>\n'
    for file in "$src"/*.md; do
        title=$(sed -n 's/^# //p' "$file" | head -n 1 | sed 's/&/\&amp;/g; s/</\&lt;/g')
        entry "$(basename "$file")" "${title:-$(basename "$file" .md)}"
    done
    entry protocol/schema.json 'Messages of the protocol (JSON Schema)'
    entry protocol/asyncapi.json 'The protocol (AsyncAPI)'
    printf '</ul>\n</html>\n'
} >"$dest/index.html"
