#!/usr/bin/env python3
"""Counts, under strace, the system calls of the examples on each backend of Linux.

    cargo build --release --examples && python3 ci/system-calls.py target/release/examples

For echo: what a request and its reply cost. Two runs that differ in nothing but the number of round trips are compared, so what it
takes to start, to accept and to end drops out. Fails above 3.05 calls per round trip, and if a registration is changed at all while
requests are answered.

For transfer: that a row of its table waits by the calls of that row's backend and by no others.

Where the kernel lets strace trace nothing it says so and ends with status 77.
"""

import os
import re
import socket
import subprocess
import sys
import tempfile

FEW, MANY = 1_000, 6_000
LIMIT = 3.05
MESSAGE = b"\0\0\0\5hello"
WAITS = {
    "epoll": {"epoll_wait", "epoll_pwait", "epoll_pwait2"},
    "poll": {"poll", "ppoll"},
    "select": {"select", "pselect6"},
}


def require_tracing():
    tried = subprocess.run(["strace", "-f", "-o", os.devnull, "true"], stderr=subprocess.PIPE, text=True)
    if tried.returncode != 0 and "ptrace" in tried.stderr.lower():
        print(f"system calls: skipped, since strace cannot trace here: {tried.stderr.splitlines()[0]}")
        sys.exit(77)


def read_summary(text):
    """What `strace -c` has written: how often each call was made."""
    rows = re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", text, re.MULTILINE)
    found = {name: int(count) for count, name in rows if name != "total"}
    return found or sys.exit("strace has counted nothing: may it trace at all here?")


def counts(echo, backend, round_trips):
    """How often each system call was made in a run of the server."""
    with tempfile.NamedTemporaryFile("r") as summary:
        # -D: the server is our child, and strace is not in between.
        server = subprocess.Popen(
            ["strace", "-D", "-f", "-c", "-o", summary.name, echo, "127.0.0.1:0"],
            env={**os.environ, "RINGMQ_BACKEND": backend},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            words = server.stdout.readline().decode().split()
            if len(words) < 3:
                sys.exit(f"{echo} did not start: {server.stderr.read().decode()}")
            host, port = words[2].rsplit(":", 1)
            with socket.create_connection((host, int(port)), timeout=60) as client:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for _ in range(round_trips):
                    client.sendall(MESSAGE)
                    reply = b""
                    while len(reply) < len(MESSAGE):
                        reply += client.recv(len(MESSAGE) - len(reply)) or sys.exit("the server hung up")
        finally:
            server.terminate()
        # strace has our end of the pipe too, and closes it when its summary is written.
        server.communicate()
        return read_summary(summary.read())


def check_echo(echo, backend):
    few, many = (counts(echo, backend, round_trips) for round_trips in (FEW, MANY))
    each = {name: (many[name] - few.get(name, 0)) / (MANY - FEW) for name in many}
    each = {name: rate for name, rate in sorted(each.items()) if abs(rate) > 0.0005}
    total = sum(each.values())
    is_good = total <= LIMIT and "epoll_ctl" not in each
    shown = ", ".join(f"{name} {rate:.3f}" for name, rate in each.items())
    print(f"echo     {backend:<7} {total:.3f} calls per round trip ({shown}): {'ok' if is_good else 'TOO MANY'}")
    return is_good


def check_transfer(transfer, backend):
    with tempfile.NamedTemporaryFile("r") as summary:
        command = ["strace", "-f", "-c", "-o", summary.name, transfer, "--backend", backend]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        found = read_summary(summary.read())
    waits = {name: found[name] for name in sorted(set.union(*WAITS.values())) if name in found}
    own = sum(count for name, count in waits.items() if name in WAITS[backend])
    others = sum(waits.values()) - own
    # Rust's runtime looks at the three standard descriptors with one poll before main begins.
    allowed = 0 if backend == "poll" else 1
    is_good = own > 0 and others <= allowed
    shown = ", ".join(f"{name} {count}" for name, count in waits.items())
    print(f"transfer {backend:<7} waits by {shown}: {'ok' if is_good else 'NOT BY ITS OWN CALL ALONE'}")
    return is_good


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    require_tracing()
    results = [check_echo(os.path.join(sys.argv[1], "echo"), backend) for backend in WAITS]
    results += [check_transfer(os.path.join(sys.argv[1], "transfer"), backend) for backend in WAITS]
    sys.exit(0 if all(results) else 1)


main()
