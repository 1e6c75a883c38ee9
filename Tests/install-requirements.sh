#!/usr/bin/env bash
# Installs what building and testing needs on Debian, as far as it is missing: nothing is fetched when all is there.
set -euo pipefail

packages=(libevent-dev libssl-dev zlib1g-dev openssl pkg-config curl procps microsocks redis-server tinyproxy python3
    python3-venv)
missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if ((${#missing[@]})); then
    echo "installing ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
command -v swift >/dev/null || { echo "Swift 6.3 is missing: see https://www.swift.org/install/linux" >&2; exit 1; }
