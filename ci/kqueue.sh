#!/bin/bash
# Runs every test of the workspace over a model of kqueue, as two kernels have it: `bash ci/kqueue.sh [freebsd|netbsd]...`.
#
# The model is platform/kqueue-model. What it is held to, and how far, is in platform/tests/kqueue; the counts are printed.
. "$(dirname "$0")/lib.sh" || exit 1

flavours=("$@")
[ $# -gt 0 ] || flavours=(freebsd netbsd)

least=150 # tests on the kqueue backend in one run: the cases of the kit

# Says how many there were: `counted NAME LOG`. With fewer, something else has been run.
counted() {
  local count
  count=$(grep -cE '^test kqueue::.* \.\.\. ok$' "$2" || true)
  [ "$count" -ge $least ] || { echo "$1: expected at least $least tests on the kqueue backend, found $count"; exit 1; }
  echo "ok $1: $count tests on the kqueue backend"
}

export CARGO_TARGET_DIR=target/kqueue
export RUSTFLAGS='--cfg ringmq_kqueue="model"'

cargo clippy -q --locked --workspace --all-targets --all-features -- -D warnings

# A test's binary names the model and links it. The examples in the documentation do not, so theirs is handed to the linker.
cargo rustc -q --locked -p ringmq-kqueue-model --crate-type staticlib -- -Ccodegen-units=1
library=$PWD/target/kqueue/debug/libringmq_kqueue_model.a
export CARGO_ENCODED_RUSTDOCFLAGS=$'--cfg\x1fringmq_kqueue="model"\x1f-Clink-arg='$library

for flavour in "${flavours[@]}"; do
  export RINGMQ_KQUEUE_MODEL=$flavour
  log=target/ci/kqueue-$flavour.txt
  cargo test --workspace --locked | tee "$log"
  cargo test -q --locked -p ringmq-platform --test kqueue the_model -- --nocapture | grep -E '^(kqueue as| )'
  counted "$flavour" "$log"
done

# Linked with whatever `-lkqueue` finds: here the model once more, as a shared library, to see that a test's binary takes it.
export CARGO_TARGET_DIR=target/kqueue-library
unset RUSTFLAGS RINGMQ_KQUEUE_MODEL
cargo rustc -q --locked -p ringmq-kqueue-model --crate-type cdylib
mkdir -p target/kqueue-library/lib
cp target/kqueue-library/debug/libringmq_kqueue_model.so target/kqueue-library/lib/libkqueue.so
export LIBRARY_PATH=$PWD/target/kqueue-library/lib LD_LIBRARY_PATH=$PWD/target/kqueue-library/lib
export RUSTFLAGS='--cfg ringmq_kqueue="library"'
cargo check -q --locked --workspace --all-targets
log=target/ci/kqueue-library.txt
cargo test --locked -p ringmq-platform --test conformance kqueue:: | tee "$log"
counted library "$log"
