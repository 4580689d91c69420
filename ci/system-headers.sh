#!/bin/bash
# Holds the headers of the BSDs and macOS against the layouts and numbers that platform/src takes for theirs.
#
# `bash ci/system-headers.sh` compiles system-headers.c, a table of static assertions, with the headers that zig brings along.
. "$(dirname "$0")/lib.sh" || exit 1

venv ziglang==0.17.1
for target in x86_64-freebsd aarch64-freebsd x86_64-netbsd aarch64-netbsd x86_64-openbsd x86_64-macos aarch64-macos; do
  target/venv/bin/python -m ziglang cc -target $target -Wall -Werror -c ci/system-headers.c -o target/ci/system-headers.o
  echo "ok $target"
done
