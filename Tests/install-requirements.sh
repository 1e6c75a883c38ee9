#!/usr/bin/env bash
# Installs what building and testing needs on Debian, or what building alone needs (`install-requirements.sh build`), as
# far as it is missing: nothing is fetched when all is there.
set -euo pipefail

# The first two lines are what Swift itself links programs and fetches packages with.
packages=(binutils g++ git libc6-dev
    ca-certificates libxml2 tzdata
    libc-ares-dev libevent-dev libmariadb-dev libssl-dev libzmq3-dev pkg-config zlib1g-dev
    curl procps)
if [[ ${1:-} != build ]]; then
    packages+=(dnsmasq-base iproute2 mariadb-server microsocks nats-server nginx openssl python3 python3-venv
        python3-cryptography python3-zmq rabbitmq-server redis-server tcpdump tinyproxy wrk)
fi
missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if ((${#missing[@]})); then
    echo "installing ${missing[*]}"
    apt-get update -qq
    # The tests start servers of their own: those of the system need not run.
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
command -v swift >/dev/null || { echo "Swift 6.3 is missing: see https://www.swift.org/install/linux" >&2; exit 1; }
