#!/bin/bash
# What can be said about the source without running it.
. tests/suite/lib.sh
stop_unless "install" cw_install "${CW_LINT_PACKAGES[@]}"
stop_unless "install node" cw_install_node

point "layers: includes point down" node tests/lint/layers.mjs .
point "threads: every function of a header has its role" node tests/lint/roles.mjs
point "words: no machine path, registry, leftover or fixed sleep" sh tests/lint/words.sh
formatted()
{
    local status=0 file
    while read -r file; do
        clang-format-14 --dry-run -Werror "$file" >/dev/null 2>&1 || { echo "$file: run clang-format-14 -i on it"; status=1; }
    done < <(git ls-files "*.c" "*.h")
    return $status
}
point "format: clang-format 14" formatted
mapfile -t scripts < <(git ls-files '*.sh' check quickstart .ci/run)
point "shell: shellcheck" shellcheck -x -P SCRIPTDIR -e SC1091 "${scripts[@]}"
[[ ! -f tests/lint/drift.sh ]] || point "tables: generated files are up to date" bash tests/lint/drift.sh
