#!/bin/bash
# libFuzzer on every parser of peer data, FUZZ_SECONDS each, as many at a time as there are cores.
. tests/suite/lib.sh
CW_TOP=${CW_TOP:-$PWD}
seconds=${FUZZ_SECONDS:-15}
dir=build-check/fuzz
stop_unless "install" cw_install "${CW_BUILD_PACKAGES[@]}" "${CW_FUZZ_PACKAGES[@]}"
stop_unless "autoreconf" bootstrap
export CC=clang
stop_unless "configure" configured $dir --enable-werror --enable-libfuzzer \
    --enable-sanitizers=address,undefined
mapfile -t targets < <(listed $dir fuzz)
((${#targets[@]})) || exit 1
CW_TAIL=40 point "fuzz targets build" make -s -C $dir -j"$jobs" "${targets[@]}" || exit 1

# The corpus is copied: what the fuzzer adds stays out of the source tree.
fuzz()
{
    local target=$1 topic corpus log status
    topic=$(basename "$target")
    topic=${topic#fuzz-}
    corpus=$CW_TOP/$dir/corpus/$topic
    log=$CW_OUT/fuzz-$topic.log
    rm -rf "$corpus"
    mkdir -p "$corpus" "$CW_OUT/fuzz-$topic"
    cp -r "$CW_TOP/tests/fuzz/corpus/$topic/." "$corpus/" 2>/dev/null
    LSAN_OPTIONS=suppressions=$CW_TOP/tests/unit/lsan.supp:print_suppressions=0 \
        "$CW_TOP/$dir/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 \
        -print_final_stats=1 -artifact_prefix="$CW_OUT/fuzz-$topic/" "$corpus" >"$log" 2>&1 </dev/null
    status=$?
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    if ((status == 0 && ${runs:-0} > 0)); then
        echo "ok - fuzz $topic: $runs runs"
    else
        printf 'not ok - fuzz %s: status %s\n%s\n' "$topic" "$status" \
            "$(tail -n 40 "$log" | cut -c1-200 | sed 's/^/# /')"
    fi
}
export -f fuzz
export dir seconds CW_TOP CW_OUT
printf '%s\n' "${targets[@]}" | xargs -P "$jobs" -I{} bash -c 'fuzz {}'
