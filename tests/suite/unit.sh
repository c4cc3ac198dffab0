#!/bin/bash
# Unit tests, four ways: gcc with the address and undefined-behaviour sanitizers; clang without a
# warning (thread roles too) and with the thread sanitizer; from a release tarball; the client's own.
. tests/suite/lib.sh
CW_TOP=${CW_TOP:-$PWD}
stop_unless "install" cw_install "${CW_BUILD_PACKAGES[@]}" "${CW_UNIT_PACKAGES[@]}"
stop_unless "install node" cw_install_node
stop_unless "autoreconf" bootstrap

# results DIR LABEL - a test point for each test program that ran in DIR.
results()
{
    local trs name log n
    while read -r trs; do
        name=$(basename "$trs" .trs)
        log=${trs%.trs}.log
        n=$(grep -c '^:test-result: PASS' "$trs")
        if grep -qE '^:test-result: (FAIL|XPASS|ERROR)' "$trs" || ((n == 0)); then
            echo "not ok - $2 $name"
            grep -E '^:test-result: (FAIL|XPASS|ERROR)' "$trs" | head -n 20 | sed 's/^/# /'
            tail -n 60 "$log" | sed 's/^/# /'
        else
            echo "ok - $2 $name: $n cases"
        fi
    done < <(find "$1" -name '*.trs' -not -path "*/causeway-*/*" | sort)
}

# tests DIR LABEL [make variable…] - builds and runs them.
run_tests()
{
    local dir=$1 label=$2
    shift 2
    find "$dir" -name '*.trs' -delete
    point "$label: builds without a warning" make -s -C "$dir" -j"$jobs" all || return
    point "$label: tests build without a warning" make -s -C "$dir" -j"$jobs" check TESTS= || return
    find "$dir" -name '*.trs' -delete
    make -s -C "$dir" -k -j"$jobs" check "$@" >"$CW_OUT/$label.log" 2>&1 </dev/null
    results "$dir" "$label"
}

point "asan: configure" configured build-check/asan --enable-werror --enable-sanitizers &&
    run_tests build-check/asan asan

# The thread sanitizer of clang 14 wants a memory map without large random offsets.
CC=clang point "tsan: configure" configured build-check/tsan --enable-werror \
    --enable-sanitizers=thread &&
    run_tests build-check/tsan tsan \
        TESTS="$(listed build-check/tsan threaded | tr "\n" " ")" \
        LOG_COMPILER="setarch -R /bin/sh $CW_TOP/tests/unit/tap.sh"

point "dist: configure" configured build-check/dist --enable-werror &&
    CW_TAIL=120 point "dist: make distcheck" make -s -C build-check/dist -j"$jobs" distcheck \
        DISTCHECK_CONFIGURE_FLAGS=--enable-werror

client()
{
    (cd client && npm ci --prefer-offline --no-audit --no-fund && npm test)
}
point "client: npm test" client && sed 's/^/ok - client: /' client/dist/size.txt
