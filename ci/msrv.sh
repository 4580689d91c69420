#!/bin/bash
# Builds both crates with the oldest compiler they promise, Rust 1.63, as Debian 12 has it: `bash ci/msrv.sh`.
#
# Only what is published as code takes part, the macro of the kit of tests too: our own tests, examples and their dependencies may be
# newer. Cargo of that age cannot fetch from today's registry, so the newer one lays libc down beside the sources first.
set -eu
. "$(dirname "$0")/lib.sh"

# That compiler cannot be installed together with the one that check-targets.sh uses, so it is unpacked beside it. What it
# loads can be.
apt_install libllvm14 libgit2-1.5 libcurl3-gnutls libssh2-1 gcc libc6-dev
old=$PWD/target/rust-1.63
if [ ! -x "$old/usr/bin/cargo" ]; then
  apt_update
  mkdir -p "$old"
  (cd "$old" && apt-get download -qq -o APT::Sandbox::User=root rustc cargo libstd-rust-1.63 libstd-rust-dev)
  for package in "$old"/*.deb; do dpkg -x "$package" "$old"; done
fi

copy=target/msrv/copy
rm -rf "$copy"
mkdir -p "$copy/platform"
cp Cargo.lock "$copy"
cp -r src "$copy"
cp -r platform/src platform/PORTABILITY.md "$copy/platform"
for manifest in Cargo.toml platform/Cargo.toml; do
  # Leaves out the tables of dev-dependencies, tests, examples and benchmarks, whose files are not in the copy either, and the
  # member of the workspace that is for tests only.
  awk '/^\[/ { is_kept = !/dev-dependencies|^\[\[(test|example|bench)\]\]/ } is_kept' "$manifest" |
    sed 's|, "platform/kqueue-model"||' >"$copy/$manifest"
done

cd "$copy"
cargo vendor -q --versioned-dirs vendor # and takes the dependencies of the tests out of the lock
mkdir .cargo
cat >.cargo/config.toml <<'END'
[source.crates-io]
replace-with = "vendor"
[source.vendor]
directory = "vendor"
END
packages=$(ls vendor)
[ "$packages" = "libc-$(sed -n '/^name = "libc"$/{n;s/version = "\(.*\)"/\1/p}' ../../../Cargo.lock)" ] ||
  { echo "expected libc alone, of the version in Cargo.lock, but the crates need: $packages"; exit 1; }

export PATH=$old/usr/bin:$PATH LD_LIBRARY_PATH=$old/usr/lib/x86_64-linux-gnu CARGO_HOME=$PWD/../home CARGO_TARGET_DIR=$PWD/../build
rustc --version
cargo --version
cargo build --offline --locked --workspace --no-default-features
cargo build --offline --locked --workspace --all-features

# What somebody writes who holds a poller to the kit: the macro is expanded by the compiler of the one who calls it.
mkdir platform/tests
cat >platform/tests/kit.rs <<'END'
ringmq_platform::conformance!(poll, || ringmq_platform::Backend::Poll.open(), lacks edge descriptor);
END
cargo check --offline --locked --package ringmq-platform --all-features --test kit
