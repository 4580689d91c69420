#!/bin/bash
# Runs each fuzz target for a short while: `bash ci/fuzz.sh [SECONDS [TARGET...]]`, 10 seconds unless told.
#
# Starts from the corpus of the repository and adds nothing to it: what is found new goes to target/fuzz-corpus, and a crash to
# fuzz/artifacts. A target that fails does not keep the others from running; the last lines name each that did, with its crash.
# Without sanitizers: of what is fuzzed only the pollers have unsafe code, which the `asan` step tests; they would slow the rest down,
# and without them the stable compiler does where there is no nightly.
. "$(dirname "$0")/lib.sh" || exit 1

time=${1:-10}
[ $# = 0 ] || shift
command -v c++ >/dev/null || apt_install g++ # for libFuzzer
export PATH=$PATH:$PWD/target/tools/bin
command -v cargo-fuzz >/dev/null || cargo install -q cargo-fuzz --version 0.13.2 --locked --root target/tools
toolchain=(+nightly)
cargo +nightly -V >/dev/null 2>&1 || toolchain=()
# On Linux all four pollers have to agree, kqueue over its model.
[ "$(uname)" != Linux ] || export RUSTFLAGS='--cfg ringmq_kqueue="model"'

targets=${*:-$(cargo fuzz list)}
[ -n "$targets" ]
start=$SECONDS
cargo "${toolchain[@]}" fuzz build -s none # all of them at once
echo "built in $((SECONDS - start)) s"

failed=()
touch target/ci/fuzz-began
for target in $targets; do
  start=$SECONDS
  new=target/fuzz-corpus/$target
  known=()
  for folder in fuzz/corpus/"$target" fuzz/seeds/"$target"; do
    [ ! -d "$folder" ] || known+=("$folder")
  done
  mkdir -p "$new"
  if cargo "${toolchain[@]}" fuzz run -s none "$target" "$new" "${known[@]}" -- \
    -max_total_time="$time" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1; then
    echo "ok $target $((SECONDS - start)) s"
  else
    failed+=("$target")
  fi
done

for target in "${failed[@]}"; do
  crashes=$(find fuzz/artifacts/"$target" -type f -newer target/ci/fuzz-began 2>/dev/null || true)
  echo "FAILED $target: ${crashes:-no input is kept, see above}"
done
[ ${#failed[@]} = 0 ]
