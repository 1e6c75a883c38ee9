#!/usr/bin/env bash
# Installs what building and testing needs on Debian, as far as it is missing: nothing is fetched when all is there.
set -euo pipefail

packages=(curl dnsmasq-base iproute2 libc-ares-dev libevent-dev libmariadb-dev libssl-dev libzmq3-dev
    mariadb-server microsocks nats-server nginx openssl pkg-config procps python3 python3-venv python3-zmq rabbitmq-server
    redis-server tinyproxy wrk zlib1g-dev)
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
