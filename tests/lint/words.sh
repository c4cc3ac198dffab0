#!/bin/sh
# What no tracked file may hold: paths of one machine, addresses of package registries, work left for
# later, fixed sleeps in tests.
status=0
# deny WHAT PATTERN FILES… - the pattern is of grep -E
deny()
{
    what=$1 pattern=$2
    shift 2
    if git grep -nIE "$pattern" -- "$@" ':!tests/lint/words.sh' | cut -c1-160 | grep .; then
        echo "^ $what"
        status=1
    fi
}
deny 'path of one machine' '(^|[^A-Za-z0-9_.:-])/(home|work|mnt|Users)/' .
deny 'address of a package registry' 'https?://(registry|deb)\.|"resolved": *"http' .
deny 'left for later' '(^|[^A-Za-z0-9])(TODO|FIXME|XXX)([^A-Za-z0-9]|$)' '*.c' '*.h' '*.ts' '*.mjs' '*.sh' '*.def' check quickstart
deny 'fixed sleep in a test' '(^|[^a-z_])(u|g_u|nano)?sleep *\(|^ *sleep [0-9]|waitForTimeout' 'tests/*.c' 'tests/*.sh' 'tests/*.mjs' 'client/*.ts'
exit $status
