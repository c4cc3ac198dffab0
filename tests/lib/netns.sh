#!/bin/sh
# netns.sh COMMAND… - run it on a network and a process tree of its own.
#
# lo, and v0 with 10.99.0.1 and fd99::1 and a default route through it: Firefox gathers candidates
# only from an interface with a route, and never pairs with loopback. Names are asked of 127.0.0.1,
# where a test may answer them. /run is empty. When COMMAND ends, whatever it started ends too.
CW_NETNS=1 exec unshare --net --mount --pid --fork --kill-child --mount-proc -- /bin/sh -c '
    set -e
    ip link set lo up
    ip link add v0 type veth peer name v1
    # An address that comes a second later is a change of network, at which Chromium drops its requests.
    echo 0 >/proc/sys/net/ipv6/conf/v0/accept_dad
    echo 0 >/proc/sys/net/ipv6/conf/v1/accept_dad
    ip addr add 10.99.0.1/24 dev v0
    ip addr add fd99::1/64 dev v0 nodad
    ip link set v0 up
    ip link set v1 up
    ip route add default via 10.99.0.254 dev v0
    mount -t tmpfs tmpfs /run
    echo "nameserver 127.0.0.1" >/run/resolv.conf
    mount --bind /run/resolv.conf /etc/resolv.conf
    mkdir -m 700 /run/runtime
    export XDG_RUNTIME_DIR=/run/runtime
    set +e
    # Not exec: this shell is the first process here and waits for orphans.
    "$@"
    exit $?
' netns "$@"
