#!/bin/bash
# Plants faults in a copy of the sources, one at a time, and sees that a test finds each: `bash ci/planted-faults.sh [NAME...]`.
#
# A fault is ci/planted-faults/WHERE-NAME.patch, where WHERE is a backend or `mq`, say: lines that say what it is, one
# `# found by: COMMAND`, perhaps `# which says: WORDS`, and a diff against the root of the repository. The command has to pass without
# the fault and to fail with it, by a test that fails, with those words, and not because nothing compiles. Where it plays the backends in
# lock step it also has to name the one at fault. The random steps that most of them are found by are as many as the test with fixed
# seeds plays, 80,000.
. "$(dirname "$0")/lib.sh" || exit 1

export CARGO_INCREMENTAL=1 # one file changes at a time
folder=$PWD/target/planted-faults
tree=$folder/tree
log=$folder/log.txt
build_limit=600 # seconds to compile what a command runs
limit=120       # seconds for the command itself: a fault may keep a test from ending

command -v patch >/dev/null || apt_install patch
command -v strace >/dev/null || apt_install strace # for tests/faults
rm -rf "$tree"
mkdir -p "$tree"
# With the time of now (-m): what was compiled last time may have been a fault.
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
  [ ! -e "$file" ] || printf '%s\0' "$file"
done | tar --null -T - -cf - | tar -C "$tree" -xmf -

# The one line of a patch that begins so: `line_of PATCH WORDS`.
line_of() {
  sed -n "s/^# $2: //p" "$1"
}

# Runs a command in the copy: `run LIMIT COMMAND`. Other flags for the compiler mean another folder for what it makes, or it would be
# made anew each time. In the background, with a process group of its own: what ends this script ends all that the command has begun.
run() {
  local flags status=0
  flags=$(sed -n "s/.*RUSTFLAGS='\([^']*\)'.*/\1/p" <<<"$2" | tr -c 'a-z\n' -)
  (cd "$tree" && CARGO_TARGET_DIR=$folder/build$flags exec timeout -k 10 "$1" bash -c "$2") </dev/null >"$log" 2>&1 &
  child=$!
  wait $child || status=$?
  return $status
}
child=
trap 'kill $child; exit 143' INT TERM

build() {
  run $build_limit "${1/cargo test/cargo test --no-run}"
}

# A file that changes twice within the resolution of its time would not be compiled again.
change() {
  patch -d "$tree" -p1 --quiet --no-backup-if-mismatch --fuzz=0 --batch "$@" >"$log" 2>&1 || return
  sleep 0.01
  sed -n 's|^+++ b/||p' "$patch" | while read -r file; do touch "$tree/$file"; done
}

complain() {
  [ ! -f "$log" ] || tail -n 40 "$log"
  echo "planted fault $name: $1"
  exit 1
}

# Whether the test that failed is one that knows what it has found.
is_found() {
  local words
  grep -q '^test result: FAILED' "$log" || grep -q 'did not end within' "$log" || return # the second is a watchdog's, which ends the process
  words=$(line_of "$patch" 'which says')
  [ -z "$words" ] || grep -qF -- "$words" "$log" || return
  [[ $command != *'--test lock_step'* ]] || grep -qE "seed [0-9]+, ${name%%-*}, after step|did not end within" "$log"
}

names=("$@")
if [ $# = 0 ]; then
  names=($(cd ci/planted-faults && ls ./*.patch | sed 's|^\./||; s|\.patch$||'))
  for backend in epoll kqueue poll select; do
    grep -q '^# found by: .*--test lock_step' ci/planted-faults/$backend-*.patch ||
      { echo "expected a fault of $backend that lock_step finds"; exit 1; }
  done
fi
[ ${#names[@]} -gt 0 ]

declare -A has_passed
over=()
for name in "${names[@]}"; do
  patch=$PWD/ci/planted-faults/$name.patch
  rm -f "$log"
  [ -f "$patch" ] || complain "there is no $patch"
  command=$(line_of "$patch" 'found by')
  start=$SECONDS
  [ "$(wc -l <<<"$command")" = 1 ] && [ -n "$command" ] || complain "expected one line '# found by: COMMAND'"
  if [ -z "${has_passed[$command]:-}" ]; then
    status=0
    build "$command" || complain "without it, expected to compile: $command"
    run $limit "$command" || status=$?
    if [ $status = 77 ]; then
      echo "passed over $name: $(grep '^faults: ' "$log" | tail -n 1)"
      over+=("$name")
      continue
    fi
    [ $status = 0 ] || complain "without it, expected success of: $command"
    grep -qE '^test result: ok\. [1-9]' "$log" || complain "without it, expected a test to be run by: $command"
    has_passed[$command]=yes
  fi
  change <"$patch" || complain "the patch does not apply any more"
  build "$command" || complain "with it, expected to compile: $command"
  ! run $limit "$command" || complain "expected it to be found by: $command"
  is_found || complain "expected a failing test that knows what it has found, found another failure of: $command"
  change --reverse <"$patch" || complain "the patch cannot be taken back"
  echo "ok $name $((SECONDS - start)) s"
done
echo "found: $((${#names[@]} - ${#over[@]})) planted faults, ${#over[@]} passed over"
