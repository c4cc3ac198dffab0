# shellcheck shell=bash
# node.sh - every *.test.mjs of a folder, each on a network of its own, some at a time
# (sourced by the suites system and browser)
node_tests()
{
    local folder=$1 width=$2
    shift 2
    local files=("$@")
    # Those that measure first: they take longest.
    ((${#files[@]})) || mapfile -t files < <(
        find tests/"$folder" -name '*.test.mjs' | sed 's/.*/& &/; s/ .*\.plain\./ 0&/' | sort -k2 | cut -d' ' -f1)
    stop_unless "npm ci in tests" bash -c 'cd tests &&
        { [[ node_modules/.package-lock.json -nt package-lock.json ]] ||
            npm ci --prefer-offline --no-audit --no-fund; }'
    export CW_OUT CW_BUILD CW_TOP=$PWD
    CW_TMP=$(mktemp -d) && export CW_TMP
    printf '%s\n' "${files[@]}" | xargs -P "$width" -I{} bash -c 'node_test {}'
    rm -rf "$CW_TMP"
}

# A file's output at once, when it is done. What it leaves in its temporary folder is a fault.
node_test()
{
    local file=$1 name out status left
    name=$(basename "$file" .test.mjs)
    out=$CW_OUT/$name.tap
    mkdir -p "$CW_TMP/$name"
    # What is measured is measured without the sanitizers.
    [[ $file != *.plain.test.mjs ]] || local -x CW_BUILD=$CW_PLAIN_BUILD
    TMPDIR=$CW_TMP/$name timeout -k 10 "${CW_TIMEOUT:-300}" sh tests/lib/netns.sh \
        node --test-reporter=./tests/lib/reporter.mjs "$file" >"$out" 2>&1 </dev/null
    status=$?
    if ((status)) && ! grep -q '^not ok ' "$out"; then
        echo "not ok - $name ended with status $status" >>"$out"
    fi
    left=$(ls -A "$CW_TMP/$name")
    [[ -z $left ]] || echo "not ok - $name left in its temporary folder: $left" >>"$out"
    sed "s/^\(not ok\|ok\) - /\1 - $name: /" "$out"
}
export -f node_test
