#!/bin/sh
# Run one test program so that it speaks TAP.
prog=$1
shift
exec "$prog" --tap "$@"
