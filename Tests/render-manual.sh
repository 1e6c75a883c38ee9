#!/usr/bin/env bash
# Renders the manual, with the reference of all that is public in Apus, as a web site of static files:
#
#     swift build && Tests/render-manual.sh site && python3 -m http.server -d site     # then open /documentation/apus
#
# A second argument says where the products of the build are. Anything that DocC warns of is an error.
set -euo pipefail
site=$(realpath -m "${1:?a folder for the site}")
products=$(realpath "${2:-$(dirname "$0")/../.build/debug}")
cd "$(dirname "$0")/.."

symbols=$(mktemp -d)
trap 'rm -rf "$symbols"' EXIT
maps=()
for map in CSources/*/module.modulemap CSources/*/include/module.modulemap; do
    maps+=(-Xcc "-fmodule-map-file=$map")
done
swift symbolgraph-extract -module-name Apus -target "$(uname -m)-unknown-linux-gnu" -I "$products/Modules" \
    "${maps[@]}" -minimum-access-level public -output-dir "$symbols"
docc convert Sources/Apus/Apus.docc --additional-symbol-graph-dir "$symbols" --output-path "$site" \
    --fallback-display-name Apus --fallback-bundle-identifier apus --transform-for-static-hosting --warnings-as-errors
