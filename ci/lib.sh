# What the scripts beside this one share: sourced by them, never run.
#
# Works from the root of the repository, in bash, which stops at the first command that fails, in a pipe too. Everything fetched or
# built goes under target/.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
root=$PWD
# A caller's settings would move the target folder, or compile something else than what is checked.
unset CARGO_TARGET_DIR CARGO_BUILD_TARGET RUSTFLAGS RUSTDOCFLAGS RUSTC_BOOTSTRAP RINGMQ_KQUEUE_MODEL RINGMQ_BACKEND
export DEBIAN_FRONTEND=noninteractive
mkdir -p target/ci || exit 1
# What cargo keeps to build sooner the next time, and what a debugger wants to know, is of no use on a clean checkout.
export CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n -- "$@"; fi
}

# Runs a command while no other step runs one under that name, `alone NAME COMMAND...`: what one step installs, another may need too.
alone() {
  local lock=$root/target/ci/$1.lock
  shift
  {
    flock 9
    "$@" 9>&-
  } 9>"$lock"
}

# Brings Debian's lists of packages up to date, at most once an hour. They may be gone before, where target/ is kept and the system is
# not.
apt_update() {
  alone apt update_lists
}

update_lists() {
  [ -n "$(find target/ci/apt-updated -mmin -60 2>/dev/null)" ] && [ -n "$(apt_mirror)" ] && return
  command -v apt-get >/dev/null &&
    as_root apt-get update -qq -o Acquire::Retries=3 -o APT::Update::Error-Mode=any && touch target/ci/apt-updated
}

is_installed() {
  local package
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || return
  done
}

# The place that the lists of this system's release were taken from; empty where they are not there.
apt_mirror() {
  apt-get indextargets --format '$(SITE)' 'Identifier: Packages' "Codename: $(codename)" 'Component: main' | sed -n 1p
}

codename() {
  (. /etc/os-release && echo "${VERSION_CODENAME:-}")
}

# `apt` if a command is not there and so has to be installed, for the needs of a step: `missing COMMAND`.
missing() {
  command -v "$1" >/dev/null || echo apt
}

# Installs Debian packages by name, and takes none away for their sake.
apt_install() {
  is_installed "$@" && return
  apt_update
  alone apt as_root apt-get install -y -qq --no-install-recommends --no-remove \
    -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 "$@"
}

# qemu-user of Debian's backports, unpacked under target/: sets `qemu` to its folder. Debian 12's own, 7.2, gives the threads of an
# i686 program one another's thread-local storage once a signal has come. These lists are apart from the system's, which stay as
# they are.
unpack_qemu() {
  qemu=$root/target/qemu/usr/bin
  [ ! -x "$qemu/qemu-s390x" ] || return 0
  apt_update
  backports update -qq
  (cd target/backports && rm -f ./*.deb && backports download -qq qemu-user && dpkg -x qemu-user_*.deb ../qemu && rm ./*.deb)
}

backports() {
  local folder mirror
  folder=$root/target/backports
  mirror=$(apt_mirror)
  [ -n "$mirror" ] || { echo "expected apt's lists to name a mirror of \"$(codename)\", found none"; return 1; }
  mkdir -p "$folder/lists/partial" "$folder/cache"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $(codename)-backports main" >"$folder/sources.list"
  apt-get -o Dir::Etc::SourceList="$folder/sources.list" -o Dir::Etc::SourceParts=- -o Dir::State::Lists="$folder/lists" \
    -o Dir::Cache="$folder/cache" -o APT::Sandbox::User=root -o Acquire::Retries=3 -o APT::Update::Error-Mode=any "$@"
}

has_python() {
  command -v python3 >/dev/null || apt_install python3
}

# A Python with packages of PyPI under target/venv: `venv NAME==VERSION...`.
venv() {
  alone venv install_in_venv "$@"
}

install_in_venv() {
  if [ ! -x target/venv/bin/pip ]; then
    # Debian packs Python without the part that puts pip into it.
    python3 -m venv --clear target/venv || { apt_install python3 python3-venv && python3 -m venv --clear target/venv; }
  fi
  [ $# = 0 ] || target/venv/bin/pip install -q --disable-pip-version-check "$@"
}

# The one Rust compiler at hand that brings the source of std, with which std is built for systems that rustup has to
# download it for. It is newer than the one that the project is built with, and goes before it in PATH.
use_compiler_with_std_source() {
  apt_install rustc-web cargo-web rust-web-clippy rust-web-src
  export PATH=/usr/bin:$PATH
  export RUSTC_BOOTSTRAP=1 # -Zbuild-std asks for it
}
