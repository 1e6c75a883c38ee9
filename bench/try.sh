#!/usr/bin/env bash
# The main job from end to end: builds release, starts a supervised HTTP server with two workers, checks it with one
# request, puts load on it, shows its status and stops it.
set -euo pipefail
cd "$(dirname "$0")/.."

bash Tests/install-requirements.sh build
swift build -c release --product Examples
swift build -c release --product apus
bin=$(swift build -c release --show-bin-path)

work=$(mktemp -d)
files=(--pid-file "$work/server.pid" --log-file "$work/server.log")
server() { "$bin/Examples" AllProtocols "$@" "${files[@]}"; }
cleanup() {
    server stop >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap cleanup EXIT

# Port 0: the kernel chooses a free one, and the banner tells which.
server start -d --count 2 --http 127.0.0.1:0 | tee "$work/banner"
url=$(grep -o 'http://127.0.0.1:[0-9]*' "$work/banner" | head -n 1)/

echo "== one request: $url"
answer=$(curl -fsS --max-time 5 "$url")
echo "$answer"
[[ $answer == "Hello, World!" ]]

echo "== load"
"$bin/apus" load -c 64 -d 5s "$url"

echo "== status"
server status

echo "== stop"
server stop
