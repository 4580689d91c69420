#!/bin/bash
# Runs tests under a tool that watches memory or threads: `bash ci/sanitizers.sh address|thread|memory-check`.
#
# Each tool first has to find the fault that a program of ci/sanitizers has on purpose.
. "$(dirname "$0")/lib.sh" || exit 1

host=x86_64-unknown-linux-gnu
export CARGO_PROFILE_DEV_DEBUG=1 # a tool's report names lines

# The tool finds what it should: `finds WORDS COMMAND...`.
finds() {
  local words=$1
  shift
  ! "$@" >target/ci/found.txt 2>&1 || { echo "expected a failure with \"$words\" of: $*"; return 1; }
  grep -q "$words" target/ci/found.txt || { cat target/ci/found.txt; echo "expected \"$words\" of: $*"; return 1; }
  echo "found as it should be: $words"
}

# Counts what cargo test has said: `counted FILE`.
counted() {
  local passed
  passed=$(sed -nE 's/^test result: ok\. ([0-9]+) passed.*/\1/p' "$1" | awk '{ sum += $1 } END { print sum + 0 }')
  [ "$passed" -gt 0 ] || { echo "$tool: expected a test to pass, see $1"; return 1; }
  echo "ok $tool: $passed tests passed, $((SECONDS - start)) s"
}

# Whether each of some words is in the name of a test: `names_tests COMMAND... -- WORD...`. One that is not would choose nothing.
names_tests() {
  local command=() found word
  while [ "$1" != -- ]; do
    command+=("$1")
    shift
  done
  found=$("${command[@]}" -- --list | sed -n 's/: test$//p')
  shift
  for word in "$@"; do
    grep -qF -- "$word" <<<"$found" || { echo "expected a test with \"$word\" in its name of: ${command[*]}"; return 1; }
  done
}

# AddressSanitizer with LeakSanitizer: everything, the std that comes with the nightly compiler being fit for it.
address() {
  export CARGO_TARGET_DIR=target/asan RUSTFLAGS=-Zsanitizer=address
  # Memory given back is kept from use for a while, 256 MiB of it unless told: a test asserts how little an example takes.
  export ASAN_OPTIONS=quarantine_size_mb=8
  rustc +nightly $RUSTFLAGS -o target/ci/faults-asan ci/sanitizers/faults.rs
  target/ci/faults-asan
  finds heap-use-after-free target/ci/faults-asan freed
  finds 'detected memory leaks' target/ci/faults-asan leaked
  # tests/faults says itself that LeakSanitizer does not let strace trace: its rows are skipped.
  cargo +nightly build -q --locked --workspace --examples --target $host
  cargo +nightly test --locked --workspace --lib --bins --tests --no-fail-fast --target $host | tee target/ci/asan-tests.txt
  counted target/ci/asan-tests.txt
}

# ThreadSanitizer: what has threads. It needs a std that is instrumented too, built by the compiler that brings the source of it,
# and the runtime of clang, which GNU's linker cannot take in whole.
thread() {
  apt_install lld-22 libclang-rt-22-dev gcc libc6-dev
  use_compiler_with_std_source
  local tools=$PWD/target/tsan-tools runtime=/usr/lib/llvm-22/lib/clang/22/lib/linux/libclang_rt.tsan-x86_64.a
  mkdir -p "$tools"
  ln -sf /usr/bin/ld.lld-22 "$tools/ld.lld"
  printf '#!/bin/sh\nexec /usr/bin/cc "$@" -lm -lpthread -lc\n' >"$tools/cc" # what the runtime needs, behind it
  chmod +x "$tools/cc"
  export PATH=$tools:$PATH CARGO_TARGET_DIR=target/tsan
  export RUSTFLAGS="-Zsanitizer=thread -Zexternal-clangrt -Clink-arg=-fuse-ld=lld -Clink-arg=-B$tools \
    -Clink-arg=-Wl,--whole-archive -Clink-arg=$runtime -Clink-arg=-Wl,--no-whole-archive"
  local what=(--locked -Zbuild-std --target $host)
  # The race as an example of a package of its own, since only cargo builds std.
  mkdir -p target/tsan-race/src
  cp ci/sanitizers/race.rs target/tsan-race/src/main.rs
  printf '[package]\nname = "race"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n' >target/tsan-race/Cargo.toml
  cargo build -q -Zbuild-std --target $host --manifest-path target/tsan-race/Cargo.toml
  finds 'data race' target/tsan/$host/debug/race
  local platform=(cargo test "${what[@]}" -p ringmq-platform --lib --tests --no-fail-fast)
  local turn=(cargo test "${what[@]}" -p ringmq --test turn --no-fail-fast)
  local names=(wake thread during_a_wait waits_until ends_a_timed_wait ends_a_wait signal)
  local turn_names=(remote:: channel:: another_thread threads_that_post)
  # `Shadow` asks the kernel which file a number has while another thread closes it, which these cases are about. To the tool that
  # is a race for the descriptor, as is seen below. Their other stamps run.
  local skip=() shadow=() second
  for second in epoll poll select; do
    shadow+=("_and_$second::a_descriptor_closed_during_a_wait_is_no_error")
    shadow+=("_and_$second::a_number_that_passes_to_another_file_during_a_wait_is_no_error")
  done
  for name in "${shadow[@]}"; do skip+=(--skip "$name"); done
  names_tests "${platform[@]}" -- "${names[@]}" "${shadow[@]}"
  names_tests "${turn[@]}" -- "${turn_names[@]}"
  "${platform[@]}" -- "${skip[@]}" "${names[@]}" | tee target/ci/tsan-tests.txt
  counted target/ci/tsan-tests.txt
  "${turn[@]}" -- "${turn_names[@]}" | tee target/ci/tsan-turn.txt
  counted target/ci/tsan-turn.txt
  finds 'data race' "${platform[@]}" -- "${shadow[@]}"
}

# valgrind on what is built without any of this: use of memory, leaks, and descriptors that are open at the end.
memory_check() {
  apt_install valgrind libc6-dbg gcc libc6-dev
  rustc -g -o target/ci/faults ci/sanitizers/faults.rs
  under_valgrind target/ci/faults
  finds 'Invalid read' under_valgrind target/ci/faults freed
  finds 'definitely lost' under_valgrind target/ci/faults leaked
  finds 'was left open' under_valgrind target/ci/faults open

  # What valgrind does not know it answers with ENOSYS: for epoll_pwait2 (until 3.20) the backend has another way, which is watched
  # then; without pidfd_open the tests of it cannot run.
  local skip=()
  if ! valgrind_knows pidfd; then
    echo "valgrind does not know pidfd_open: tests of it are passed over"
    skip+=(--skip a_pidfd_is_readable_once_its_process_has_ended --skip every_kind_of_descriptor_of_linux_can_be_added)
  fi
  if ! valgrind_knows limit; then
    echo "valgrind does not tell the kernel of a lower limit of descriptors: the test of poll's array is passed over"
    skip+=(--skip more_registrations_than_numbers_allowed_are_an_error_that_loses_nothing)
  fi
  if ! valgrind_knows pselect; then
    echo "valgrind loses the mask of a pselect that a signal interrupts as it begins: tests of select under signals are passed over"
    for name in select::a_signal_ends_the_wait_without_an_error select::a_signal_that_restarts_system_calls_ends_the_wait_too \
      select::signals_lose_no_event select::a_deadline_kept_by_the_caller_survives_signals \
      select_itself::no_case_leaves_a_descriptor_open; do # the last runs the others
      skip+=(--skip "$name")
    done
  fi
  local binary
  binary=$(cargo test -q --locked -p ringmq-platform --test conformance --no-run --message-format=json |
    sed -nE 's/.*"executable":"([^"]*)".*/\1/p' | tail -n 1)
  under_valgrind "$binary" --test-threads 2 "${skip[@]}" | tee target/ci/memory-check-tests.txt
  counted target/ci/memory-check-tests.txt
}

# Whether what a program of ci/sanitizers shows, which it does by itself, holds under valgrind too: `valgrind_knows PROGRAM`.
valgrind_knows() {
  gcc -Wall -Wextra -Werror -o "target/ci/$1" "ci/sanitizers/$1.c"
  "target/ci/$1" || { echo "ci/sanitizers/$1.c fails without valgrind too"; exit 1; }
  valgrind -q "target/ci/$1"
}

# Runs a program under valgrind; memory that is lost is a failure as well, and a descriptor that it leaves open and did not inherit.
# Children that are forked and start no program have their parent's memory and descriptors, and none of the threads that know of
# them: what is left there is not looked at, so that it is the report and not the status that tells.
under_valgrind() {
  local said=target/ci/valgrind.txt status=0
  valgrind -q --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=none --error-exitcode=9 --track-fds=yes \
    --child-silent-after-fork=yes --log-file=$said "$@" || status=$?
  cat $said >&2
  awk '/Open (file descriptor|AF_)/ { open = $0; next } /definitely lost/ { left = 1 }
    open { if (!/inherited from parent/) { print open " was left open"; left = 1 } open = "" }
    END { exit left }' $said >&2 || status=1
  return $status
}

tool=${1:-}
start=$SECONDS
case $tool in
  address | thread) $tool ;;
  memory-check) memory_check ;;
  *) echo "expected address, thread or memory-check, found \"$tool\""; exit 1 ;;
esac
