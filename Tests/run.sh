#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test, of the Autobahn suite the short cases. Arguments go to
# `swift test` alone, e.g. --filter ConformanceTests.
set -euo pipefail
cd "$(dirname "$0")/.."

bash Tests/install-requirements.sh
# The tests start the servers that they test: they must be built first.
swift build --build-tests
if (($# == 0)); then python3 Tests/Autobahn/run.py --quick --program .build/debug/Examples; fi
swift test --skip-build "$@"
