#!/bin/bash
# Chromium and Firefox with the web phone, against SIPp and baresip; and a newcomer's first start.
. tests/suite/lib.sh
. tests/suite/node.sh
CW_TOP=${CW_TOP:-$PWD}
stop_unless "install" cw_install "${CW_BUILD_PACKAGES[@]}" "${CW_BROWSER_PACKAGES[@]}"
stop_unless "install node" cw_install_node
stop_unless "autoreconf" bootstrap
stop_unless "configure" configured build --enable-werror
stop_unless "build" make -s -C build -j"$jobs" all
mapfile -t peers < <(listed build peers)
stop_unless "build the peers" make -s -C build -j"$jobs" "${peers[@]}"
stop_unless "web phone" make -s -C build client
CW_BUILD=$PWD/build
node_tests browser 1 "$@"
