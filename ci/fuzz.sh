#!/bin/bash
# Runs each fuzz target for a short while: `bash ci/fuzz.sh [SECONDS [TARGET...]]`, 30 seconds unless told.
#
# Starts from the corpus of the repository and adds nothing to it: what is found new goes to target/fuzz-corpus, and a crash to
# fuzz/artifacts. Without sanitizers: what is fuzzed forbids unsafe code, so they would find little and slow it down, and without
# them the stable compiler does where there is no nightly.
. "$(dirname "$0")/lib.sh" || exit 1

time=${1:-30}
[ $# = 0 ] || shift
command -v c++ >/dev/null || apt_install g++ # for libFuzzer
export PATH=$PATH:$PWD/target/tools/bin
command -v cargo-fuzz >/dev/null || cargo install -q cargo-fuzz --version 0.13.2 --locked --root target/tools
toolchain=(+nightly)
cargo +nightly -V >/dev/null 2>&1 || toolchain=()

targets=${*:-$(cargo fuzz list)}
[ -n "$targets" ]
for target in $targets; do
  start=$SECONDS
  new=target/fuzz-corpus/$target
  known=()
  for folder in fuzz/corpus/"$target" fuzz/seeds/"$target"; do
    [ ! -d "$folder" ] || known+=("$folder")
  done
  mkdir -p "$new"
  cargo "${toolchain[@]}" fuzz run -s none "$target" "$new" "${known[@]}" -- \
    -max_total_time="$time" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1
  echo "ok $target $((SECONDS - start)) s"
done
