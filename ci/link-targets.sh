#!/bin/bash
# Links both crates, their tests and examples with the C libraries of BSDs and macOS: `bash ci/link-targets.sh [TARGET...]`.
#
# Shows that every function declared exists there under its name (`kevent`, `pollts`, `pselect$DARWIN_EXTSN`), and that there are
# programs of tests to take there; nothing is run.
# The linker and the libraries are zig's, for FreeBSD 14, NetBSD 10, OpenBSD and macOS; it has none for DragonFly and illumos.
. "$(dirname "$0")/lib.sh" || exit 1

venv ziglang==0.17.1 cargo-zigbuild==0.24.0
use_compiler_with_std_source
zig="$PWD/target/venv/bin/python -m ziglang"
# Without debug information cargo would have it stripped, for which macOS's programs need a tool that is not here.
export PATH=$PWD/target/venv/bin:$PATH CARGO_TARGET_DIR=target/link CARGO_PROFILE_DEV_STRIP=none

# cargo-zigbuild knows no NetBSD. rustc asks there for gcc's libraries, of which the unwinder is wanted: zig's own serves.
export CARGO_TARGET_X86_64_UNKNOWN_NETBSD_LINKER=$PWD/target/ci/cc-netbsd
cat >target/ci/cc-netbsd <<END
#!/bin/bash
arguments=()
for argument in "\$@"; do
  case \$argument in
    -lgcc) ;;
    -lgcc_s) arguments+=(-lunwind) ;;
    *) arguments+=("\$argument") ;;
  esac
done
exec $zig cc -target x86_64-netbsd "\${arguments[@]}"
END
chmod +x target/ci/cc-netbsd

targets=("$@")
[ $# -gt 0 ] || targets=(x86_64-unknown-freebsd x86_64-unknown-netbsd aarch64-apple-darwin)
for target in "${targets[@]}"; do
  # The platform crate, where all system calls are, as a shared library by itself, with the code that nobody calls: in a program
  # it would go before it is looked at. Such a library may leave symbols open unless told not to.
  flags=(-Clink-dead-code -Clink-arg=-Wl,-z,defs)
  cargo=cargo-zigbuild
  case $target in
    *-apple-*) flags=(-Clink-dead-code) ;; # it leaves none open, and has no such option
    *-netbsd) cargo=cargo ;;
  esac
  start=$SECONDS
  std=(-Zbuild-std=std,panic_unwind,test --target "$target")
  $cargo rustc -q --locked -p ringmq-platform --lib --all-features --crate-type cdylib "${std[@]}" -- "${flags[@]}"
  built=$($cargo test -q --locked --workspace --exclude ringmq-kqueue-model --all-targets --no-run --message-format=json "${std[@]}")
  count=$(grep -c '"executable":"' <<<"$built")
  [ "$count" -gt 0 ]
  echo "ok $target: $count programs of tests and examples, $((SECONDS - start)) s"
done
