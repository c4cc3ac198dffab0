# shellcheck shell=bash disable=SC2034
# packages.sh - what Causeway needs from Debian 12, for ./quickstart and ./check (sourced by bash).

# To build and run the gateway.
CW_BUILD_PACKAGES=(
    gcc libc6-dev make autoconf automake autoconf-archive pkg-config xz-utils
    libglib2.0-dev libuv1-dev libjansson-dev libconfig-dev libsofia-sip-ua-dev libc-ares-dev
    libsrtp2-dev libssl-dev libnice-dev glib-networking libopus-dev libspeexdsp-dev
    libopencore-amrnb-dev libopencore-amrwb-dev libvo-amrwbenc-dev libwebsockets-dev libwebsockets-evlib-uv
    libjwt-dev libcjose-dev libcurl4-openssl-dev libxml2-dev
    libxdp-dev libbpf-dev
)

# To check it: compilers and linters, then programs we did not write to test against.
CW_LINT_PACKAGES=(clang clang-format-14 shellcheck git)
CW_FUZZ_PACKAGES=(clang libclang-rt-14-dev llvm)
CW_UNIT_PACKAGES=(clang libclang-rt-14-dev llvm git iproute2)
CW_SYSTEM_PACKAGES=(sip-tester baresip-core kamailio kamailio-tls-modules nftables tshark sox iproute2 procps util-linux git openssl)
CW_IMS_PACKAGES=("${CW_SYSTEM_PACKAGES[@]}" kamailio-ims-modules kamailio-presence-modules kamailio-extra-modules
    kamailio-xml-modules kamailio-utils-modules kamailio-sqlite-modules sqlite3 python3-minimal libpython3-stdlib)
CW_BROWSER_PACKAGES=("${CW_SYSTEM_PACKAGES[@]}" chromium firefox-esr webkit2gtk-driver xvfb coturn nftables
    baresip-ffmpeg) # a video phone with H.264

# cw_install PACKAGE… - installs those that are missing; asks apt only then. No service of a package
# is started: policy-rc.d says no for the time of the installation.
cw_install()
{
    local missing=() package policy=/usr/sbin/policy-rc.d sudo='' status=0 log
    for package; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
            missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    if ((EUID != 0)); then
        command -v sudo >/dev/null || {
            echo "These Debian packages are missing; install them as root: ${missing[*]}" >&2
            return 1
        }
        sudo=sudo
    fi
    echo "installing ${missing[*]}"
    if [[ ! -e $policy ]]; then
        printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
        $sudo chmod 755 "$policy"
    else
        policy=
    fi
    log=$(mktemp)
    {
        $sudo apt-get update -q -o DPkg::Lock::Timeout=600 &&
            $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
                -o DPkg::Lock::Timeout=600 "${missing[@]}"
    } >"$log" 2>&1 </dev/null || status=$?
    [[ -z $policy ]] || $sudo rm -f "$policy"
    ((status == 0)) || tail -n 30 "$log" >&2
    rm -f "$log"
    return "$status"
}

# The same for node and npm, which may have come from elsewhere.
cw_install_node()
{
    local missing=()
    command -v node >/dev/null || missing+=(nodejs)
    command -v npm >/dev/null || missing+=(npm)
    ((${#missing[@]} == 0)) || cw_install "${missing[@]}"
}
