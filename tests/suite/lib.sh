# shellcheck shell=bash disable=SC2034
# lib.sh - what the suites share (sourced by bash, from the root of the source tree).
set -u
. etc/packages.sh
CW_OUT=${CW_OUT:-$PWD/tests/out}
mkdir -p "$CW_OUT"
jobs=$(nproc)

# point NAME COMMAND… - one test point: the command's status. What it printed follows a failure.
point()
{
    local name=$1 log=$CW_OUT/point.$$.log
    shift
    if "$@" >"$log" 2>&1 </dev/null; then
        echo "ok - $name"
        rm -f "$log"
        return 0
    fi
    echo "not ok - $name"
    tail -n "${CW_TAIL:-60}" "$log" | sed 's/^/# /'
    rm -f "$log"
    return 1
}

# stop_unless NAME COMMAND… - without this the suite makes no sense; prints nothing when all is well.
stop_unless()
{
    local name=$1 log=$CW_OUT/setup.$$.log
    shift
    "$@" >"$log" 2>&1 </dev/null || {
        echo "not ok - $name"
        tail -n 60 "$log" | sed 's/^/# /'
        rm -f "$log"
        exit 1
    }
    rm -f "$log"
}

bootstrap()
{
    if [[ ! -x configure || -n $(find configure.ac Makefile.am ./*/local.mk ./*/*/local.mk m4 \
        -newer configure -print -quit 2>/dev/null) ]]; then
        autoreconf -fi
    fi
}

# configured DIR ARG… - a build directory configured so; again only when the arguments change.
configured()
{
    local dir=$1
    shift
    mkdir -p "$dir"
    [[ -f $dir/Makefile && $(cat "$dir/.args" 2>/dev/null) == "${CC:-gcc} $*" ]] && return
    (cd "$dir" && CC=${CC:-gcc} "${CW_TOP:-$OLDPWD}/configure" -q "$@") &&
        echo "${CC:-gcc} $*" >"$dir/.args"
}

# listed DIR WHAT - programs of a configured build directory: peers, threaded or fuzz (print.mk). Its
# Makefile may be made anew on the way, and say so.
listed()
{
    make -s -C "$1" -f Makefile -f "$PWD/tests/suite/print.mk" "print-$2" | grep -o 'tests/[^ ]*/[^ ]*' | grep -v '[.:]'
}
