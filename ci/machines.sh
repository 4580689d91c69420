#!/bin/bash
# Runs all tests of both crates on machines that are not at hand, under qemu-user: `bash ci/machines.sh [s390x|i686...]`.
#
# s390x has its bytes the other way round, i686 words of 32 bits. std is built from source for each. What qemu itself gets wrong is
# in ci/machines/qemu-gets-wrong.txt, by the name of the test; all else has to pass. Not run: the examples in the documentation, and
# tests/faults, where strace would trace qemu and see its system calls.
. "$(dirname "$0")/lib.sh" || exit 1

machines=("$@")
[ $# -gt 0 ] || machines=(s390x i686)

use_compiler_with_std_source
alone qemu unpack_qemu
ulimit -S -n 4096 # ci/machines/select-beyond-1024.c opens number 1024; tests raise it as far as it goes
# Emulated code is slow, and half the time of the compiler's goes into it. Overflow is checked all the same.
export CARGO_PROFILE_DEV_OPT_LEVEL=1
export RUST_TEST_THREADS=1 # a case that opens a thousand descriptors would push the numbers of one beside it beyond select's 1024
limit=300 # seconds for one program of tests: one that hangs is ended, and named

for machine in "${machines[@]}"; do
  case $machine in
    s390x) cpu=s390x elf=EM_S390 loader=ld64.so.1 packages=(gcc-s390x-linux-gnu libc6-dev-s390x-cross) ;;
    i686) cpu=i386 elf=EM_386 loader=ld-linux.so.2 packages=(gcc-i686-linux-gnu libc6-dev-i386-cross) ;;
    *) echo "expected s390x or i686, found $machine"; exit 1 ;;
  esac
  apt_install gcc libc6-dev "${packages[@]}"
  start=$SECONDS
  sysroot=/usr/$machine-linux-gnu
  # The loader and the libraries by their place, so that none of the host's is taken for one of the machine's.
  place=-Wl,--dynamic-linker=$sysroot/lib/$loader,-rpath,$sysroot/lib
  folder=$PWD/target/machines/$machine
  mkdir -p "$folder"
  export CARGO_TARGET_DIR=$folder # each its own: two of these may run side by side
  cross=$machine-linux-gnu-gcc
  c_flags=(-O1 -Wall -Wextra -Werror)

  # What runs a program of the machine, and what it needs to start others.
  starter=$folder/start-in-qemu.so
  $cross "${c_flags[@]}" -shared -fPIC -o "$starter" -DMACHINE=$elf -DQEMU="\"$qemu/qemu-$cpu\"" -DTHIS_FILE="\"$starter\"" \
    ci/machines/start-in-qemu.c
  cat >"$folder/run" <<END
#!/bin/sh
case \$1 in
  */faults-*) echo "faults: skipped, since strace would trace qemu"; exit ;;
esac
timeout --foreground -k 10 $limit "$qemu/qemu-$cpu" -E "LD_PRELOAD=$starter" "\$@"
status=\$?
[ \$status != 124 ] || echo "\$1: ended, since it was not done after $limit s"
exit \$status
END
  chmod +x "$folder/run"

  # The list of what qemu gets wrong is held against qemu: first its programs.
  skip=() listed=()
  declare -A is_shown=()
  while read -r program test rest; do
    if [ "$test" = ends-with ]; then
      gcc "${c_flags[@]}" -o "$folder/$program.host" "ci/machines/$program.c"
      "$folder/$program.host" || { echo "ci/machines/$program.c fails without qemu too"; exit 1; }
      $cross "${c_flags[@]}" "$place" -o "$folder/$program" "ci/machines/$program.c"
      status=0
      (ulimit -c 0; "$folder/run" "$folder/$program") || status=$?
      [ $status = "$rest" ] ||
        { echo "$machine: expected status $rest of $program under qemu, found $status; see qemu-gets-wrong.txt"; exit 1; }
      echo "$machine: $program works here and ends with $status under qemu"
      is_shown[$program]=yes
    elif [ -z "$rest" ] || [ "$rest" = "$machine" ]; then
      [ -n "${is_shown[$program]:-}" ] || { echo "qemu-gets-wrong.txt: expected \"$program ends-with STATUS\" before $test"; exit 1; }
      skip+=(--skip "$test")
      listed+=("$test")
    fi
  done < <(sed '/^#/d; /^$/d' ci/machines/qemu-gets-wrong.txt)

  target=$machine-unknown-linux-gnu
  variables=CARGO_TARGET_${machine^^}_UNKNOWN_LINUX_GNU
  export "${variables}_LINKER=$cross" "${variables}_RUNNER=$folder/run" "${variables}_RUSTFLAGS=-Clink-arg=$place"
  what=(--locked --workspace -Zbuild-std=std,panic_unwind,test --target "$target")
  cargo build -q "${what[@]}" --examples
  cargo test "${what[@]}" --lib --bins --tests --no-run 2>"$folder/built.txt" || { cat "$folder/built.txt"; exit 1; }
  built=$SECONDS
  cargo test "${what[@]}" --lib --bins --tests --no-fail-fast -- --exact "${skip[@]}" | tee "$folder/tests.txt"

  # A test that is passed over by a name that no test has would be one that runs, under another name.
  summary=$(sed -nE 's/^test result: ok\. ([0-9]+) passed; 0 failed; ([0-9]+) ignored; 0 measured; ([0-9]+) filtered.*/\1 \2 \3/p' \
    "$folder/tests.txt" | awk '{ passed += $1; ignored += $2; over += $3 } END { print passed + 0, ignored + 0, over + 0 }')
  read -r passed ignored over <<<"$summary"
  [ "$over" = ${#listed[@]} ] || { echo "qemu-gets-wrong.txt names ${#listed[@]} tests for $machine, $over were passed over"; exit 1; }
  [ "$passed" -gt 0 ]
  ran=$SECONDS

  # And then its tests, one by one, in whatever program has them: each has to fail, or it is to be taken out.
  declare -A program_of=()
  while read -r program; do
    while read -r test; do program_of[$test]=$program; done < <("$folder/run" "$program" --list </dev/null | sed -n 's/: test$//p')
  done < <(sed -nE 's/^ +Executable .*\((.*)\)$/\1/p' "$folder/built.txt")
  for test in "${listed[@]}"; do
    if (ulimit -c 0; "$folder/run" "${program_of[$test]}" --exact "$test") >"$folder/listed.txt" 2>&1; then
      tail -n 20 "$folder/listed.txt"
      echo "$machine: $test passes under qemu: take it out of qemu-gets-wrong.txt"
      exit 1
    fi
  done
  echo "ok $machine: $passed tests passed, $ignored ignored as everywhere, $over passed over because of qemu;" \
    "$((built - start)) s to build, $((ran - built)) s to run, $((SECONDS - ran)) s for the ${#listed[@]} that have to fail"
done
