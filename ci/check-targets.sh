#!/bin/bash
# Type-checks and lints both crates for systems that are not at hand: `bash ci/check-targets.sh [TARGET...]`; for FreeBSD and macOS the
# comparison too, with all of it that needs no library in C.
#
# std is built from source for each target, without machine code. About half a minute a target the first time, seconds later.
. "$(dirname "$0")/lib.sh" || exit 1

targets=("$@")
[ $# -gt 0 ] || targets=(
  x86_64-unknown-freebsd x86_64-unknown-netbsd x86_64-unknown-openbsd x86_64-unknown-dragonfly
  x86_64-apple-darwin aarch64-apple-darwin x86_64-unknown-illumos
  aarch64-unknown-linux-gnu aarch64-unknown-linux-musl i686-unknown-linux-gnu
)

use_compiler_with_std_source
export CARGO_TARGET_DIR=target/targets # another compiler's work is kept apart
export RUSTFLAGS=-Zno-codegen          # a third faster

for target in "${targets[@]}"; do
  case $target in
    # Tests and examples too; for others ci/link-targets.sh compiles them.
    x86_64-unknown-freebsd) what=(--all-targets -Zbuild-std=std,test) ;;
    *) what=(--lib -Zbuild-std=std) ;;
  esac
  start=$SECONDS
  cargo clippy -q --locked --workspace --all-features "${what[@]}" --target "$target" -- -D warnings
  case $target in
    # Without a compiler for that system the comparison finds no header of any loop in C.
    x86_64-unknown-freebsd | aarch64-apple-darwin)
      CC=false cargo clippy -q --locked --manifest-path compare/Cargo.toml --features mq,peers --all-targets -Zbuild-std=std,test \
        --target "$target" -- -D warnings
      ;;
  esac
  echo "ok $target $((SECONDS - start)) s"
done
