#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test. Arguments go to `swift test`, e.g. --filter ConformanceTests.
set -euo pipefail
cd "$(dirname "$0")/.."

bash Tests/install-requirements.sh
# The tests start the servers that they test: they must be built first.
swift build --build-tests
swift test --skip-build "$@"
