#!/bin/bash
# The gateway before an IMS core (tests/ims/core: Kamailio as P-, I- and S-CSCF, an HSS of our own), and the core's own checks.
. tests/suite/lib.sh
. tests/suite/node.sh
CW_TOP=${CW_TOP:-$PWD}
stop_unless "install" cw_install "${CW_BUILD_PACKAGES[@]}" "${CW_IMS_PACKAGES[@]}"
stop_unless "install node" cw_install_node
stop_unless "autoreconf" bootstrap
stop_unless "configure" configured build-check/asan --enable-werror --enable-sanitizers
stop_unless "build with the sanitizers" make -s -C build-check/asan -j"$jobs" all
mapfile -t peers < <(listed build-check/asan peers)
stop_unless "build the peers" make -s -C build-check/asan -j"$jobs" "${peers[@]}"
CW_BUILD=$PWD/build-check/asan
node_tests ims 1 "$@"
