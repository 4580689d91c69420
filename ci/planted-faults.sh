#!/bin/bash
# Plants faults in a copy of the sources, one at a time, and sees that a test finds each: `bash ci/planted-faults.sh [NAME...]`.
#
# A fault is ci/planted-faults/NAME.patch: lines that say what it is, one `# found by: COMMAND`, and a diff against the root of the
# repository. The command has to pass without the fault and to fail with it, by a test that fails and not because nothing compiles.
# The random steps that most of them are found by are as many as the test with fixed seeds plays, 80,000.
. "$(dirname "$0")/lib.sh" || exit 1

folder=$PWD/target/planted-faults
tree=$folder/tree
log=$folder/log.txt
limit=120 # seconds for one command: a fault may keep a test from ending

command -v patch >/dev/null || apt_install patch
rm -rf "$tree"
mkdir -p "$tree"
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
  [ ! -e "$file" ] || printf '%s\0' "$file"
done | tar --null -T - -cf - | tar -C "$tree" -xf -

# The command of a patch.
command_of() {
  sed -n 's/^# found by: //p' "$1"
}

# Runs a command in the copy. Other flags for the compiler mean another folder for what it makes, or it would be made anew each time.
run() {
  local flags
  flags=$(sed -n "s/.*RUSTFLAGS='\([^']*\)'.*/\1/p" <<<"$1" | tr -c 'a-z\n' -)
  (cd "$tree" && CARGO_TARGET_DIR=$folder/build$flags timeout -k 10 $limit bash -c "$1") </dev/null >"$log" 2>&1
}

# A file that changes twice within the resolution of its time would not be compiled again.
change() {
  patch -d "$tree" -p1 --quiet --no-backup-if-mismatch "$@" || return
  sleep 0.01
  sed -n 's|^+++ b/||p' "$patch" | while read -r file; do touch "$tree/$file"; done
}

complain() {
  tail -n 40 "$log"
  echo "planted fault $name: $1"
  exit 1
}

names=("$@")
[ $# -gt 0 ] || names=($(cd ci/planted-faults && ls ./*.patch | sed 's|^\./||; s|\.patch$||'))
[ ${#names[@]} -gt 0 ]

declare -A has_passed
for name in "${names[@]}"; do
  patch=$PWD/ci/planted-faults/$name.patch
  command=$(command_of "$patch")
  start=$SECONDS
  [ "$(wc -l <<<"$command")" = 1 ] && [ -n "$command" ] || complain "expected one line '# found by: COMMAND'"
  if [ -z "${has_passed[$command]:-}" ]; then
    run "$command" || complain "without it, expected success of: $command"
    grep -qE '^test result: ok\. [1-9]' "$log" || complain "without it, expected a test to be run by: $command"
    has_passed[$command]=yes
  fi
  change <"$patch" || complain "the patch does not apply any more"
  if run "$command"; then
    complain "expected it to be found by: $command"
  fi
  # The second is the word of the kit's watchdog, which ends the process.
  grep -qE '^test result: FAILED|did not end within' "$log" || complain "expected a failing test, found another failure of: $command"
  change --reverse <"$patch"
  echo "ok $name $((SECONDS - start)) s"
done
echo "found: ${#names[@]} planted faults"
