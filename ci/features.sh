#!/bin/bash
# Builds ringmq with no feature, with each alone, and with all, warnings denied: `bash ci/features.sh`.
. "$(dirname "$0")/lib.sh" || exit 1

build() {
  echo "features: $*"
  cargo rustc -q --locked -p ringmq --lib --no-default-features "$@" -- -D warnings
}

has_python
features=$(cargo metadata --locked --no-deps --format-version 1 | python3 -c '
import json, sys
ringmq = next(package for package in json.load(sys.stdin)["packages"] if package["name"] == "ringmq")
print(*sorted(set(ringmq["features"]) - {"default"}))')
[ -n "$features" ]

build
for feature in $features; do
  build --features "$feature"
done
build --all-features
