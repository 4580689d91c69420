#!/bin/bash
# Puts our message-queue sockets together with those of libzmq: `bash ci/interop.sh [ROW...]`.
#
# tests/interop, with the pyzmq that it is to be green with, which brings its own libzmq 4.3.5. Rows are chosen by parts of their names.
. "$(dirname "$0")/lib.sh" || exit 1

venv pyzmq==27.3.0
cargo build -q --locked --example ringcat # some rows run it
export RINGMQ_PYTHON=$root/target/venv/bin/python RINGMQ_INTEROP=required
cargo test -q --locked --test interop -- "$@"
