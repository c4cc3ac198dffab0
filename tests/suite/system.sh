#!/bin/bash
# Calls without browsers: the gateway, built with the sanitizers, against SIPp, baresip, Kamailio and
# ends that misbehave. Then: did the wire hold everything proto.def knows?
. tests/suite/lib.sh
. tests/suite/node.sh
CW_TOP=${CW_TOP:-$PWD}
stop_unless "install" cw_install "${CW_BUILD_PACKAGES[@]}" "${CW_SYSTEM_PACKAGES[@]}"
stop_unless "install node" cw_install_node
stop_unless "autoreconf" bootstrap
stop_unless "configure" configured build-check/asan --enable-werror --enable-sanitizers
stop_unless "build with the sanitizers" make -s -C build-check/asan -j"$jobs" all
mapfile -t peers < <(listed build-check/asan peers)
stop_unless "build the peers" make -s -C build-check/asan -j"$jobs" "${peers[@]}"
stop_unless "configure" configured build --enable-werror
stop_unless "build" make -s -C build -j"$jobs" all
stop_unless "build the peers" make -s -C build -j"$jobs" "${peers[@]}"
rm -rf "$CW_OUT/wire"
CW_BUILD=$PWD/build-check/asan
CW_PLAIN_BUILD=$PWD/build
export CW_PLAIN_BUILD
node_tests system 2 "$@"
(($#)) || point "coverage: every message of proto.def was on the wire" node tests/lib/coverage.mjs "$CW_OUT/wire"
