"""The other side: sockets of pyzmq that do what they are told, a line each on standard input, and say what came of it, a line each.

A command is a word and what it is about; the first of that is the name of a socket, chosen when it is opened. The answer is `ok` and
what there is to say, or `error` and why. Parts of messages are words too: `=` and their bytes as hexadecimal digits, or `~LEN:SEED`
for LEN bytes that both sides know how to make; `?LEN` is what a part that is neither comes back as.
"""

import sys

import zmq
from zmq.auth.thread import ThreadAuthenticator

GUARD = 20000  # milliseconds after which something is awaited in vain

BLOCK = bytes((at * 7 + (at >> 8)) & 255 for at in range(65521))

context = zmq.Context()
sockets = {}
authenticators = []


def fill(length, seed):
    """Blocks that begin with their number, so that one that is missing or in the wrong place is noticed."""
    blocks = range(length // len(BLOCK) + 1)
    return b"".join((seed + at).to_bytes(4, "big") + BLOCK[4:] for at in blocks)[:length]


def word_of(part):
    if len(part) <= 64:
        return "=" + part.hex()
    seed = int.from_bytes(part[:4], "big")
    return f"~{len(part)}:{seed}" if part == fill(len(part), seed) else f"?{len(part)}"


def part_of(word):
    if word[0] == "=":
        return bytes.fromhex(word[1:])
    length, seed = word[1:].split(":")
    return fill(int(length), int(seed))


def make(kind, options=()):
    socket = context.socket(getattr(zmq, kind))
    socket.setsockopt(zmq.SNDTIMEO, GUARD)
    socket.setsockopt(zmq.RCVTIMEO, GUARD)
    socket.setsockopt(zmq.LINGER, GUARD)
    if kind == "ROUTER":
        socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
    for option in options:
        name, value = option.split("=")
        socket.setsockopt(getattr(zmq, name), int(value) if value.isdigit() else value.encode())
    return socket


def opened(name, kind, *options):
    sockets[name] = make(kind, options)


def bind(name, address):
    sockets[name].bind(address)
    return sockets[name].getsockopt_string(zmq.LAST_ENDPOINT)


def connect(name, address):
    sockets[name].connect(address)


def send(name, *words):
    sockets[name].send_multipart([part_of(word) for word in words])


def recv(name):
    return " ".join(word_of(part) for part in sockets[name].recv_multipart())


def poll(name, milliseconds):
    """Whether something has arrived, after at most so long."""
    return str(sockets[name].poll(int(milliseconds)))


def subscribe(name, word):
    sockets[name].setsockopt(zmq.SUBSCRIBE, part_of(word))


def unsubscribe(name, word):
    sockets[name].setsockopt(zmq.UNSUBSCRIBE, part_of(word))


def echo(name, count):
    """Sends so many messages back as they came."""
    for _ in range(int(count)):
        sockets[name].send_multipart(sockets[name].recv_multipart())


def crowd(kind, count, rounds, address):
    """So many sockets at once, each of which says its number and that of the round in each; REQ wants to hear the same."""
    members = [make(kind) for _ in range(int(count))]
    for member in members:
        member.connect(address)
    for turn in range(int(rounds)):
        words = [b"%d %d" % (number, turn) for number in range(len(members))]
        for member, word in zip(members, words):
            member.send(word)
        if kind == "REQ":
            replies = [member.recv() for member in members]
            if replies != words:
                raise ValueError(f"expected {words}, found {replies}")
    for member in members:
        member.close()


def users(username, password):
    """Servers of PLAIN, opened later, let this one in."""
    authenticator = ThreadAuthenticator(context)
    authenticator.start()
    authenticator.configure_plain(passwords={username: password})
    authenticators.append(authenticator)


def close(name):
    sockets.pop(name).close()


COMMANDS = {
    "open": opened,
    "bind": bind,
    "connect": connect,
    "send": send,
    "recv": recv,
    "poll": poll,
    "subscribe": subscribe,
    "unsubscribe": unsubscribe,
    "echo": echo,
    "crowd": crowd,
    "users": users,
    "close": close,
}

for line in sys.stdin:
    command, *about = line.split()
    try:
        print("ok", COMMANDS[command](*about) or "", flush=True)
    except Exception as error:
        print("error", line.strip()[:200], repr(error), flush=True)
for authenticator in authenticators:
    authenticator.stop()
context.destroy(linger=0)
