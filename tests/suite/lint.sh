#!/bin/bash
# What can be said about the source without running it.
. tests/suite/lib.sh
CW_TOP=${CW_TOP:-$PWD}
stop_unless "install" cw_install "${CW_BUILD_PACKAGES[@]}" "${CW_LINT_PACKAGES[@]}"
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

drift()
{
    bootstrap && configured build --enable-werror && make -s -C build -j"$jobs" src/api/protogen &&
        sh tests/lint/drift.sh build/src/api/protogen .
}
point "tables: generated files are up to date" drift
