#!/usr/bin/env python3
"""A server on loopback with every fault that a language model's endpoint can have.

The last part of the URL's path says which: see the functions mode_*. Over TLS it speaks HTTP/2, as little of it
as these tests need, and there the first word of the request's body says the mode.

It writes one line: the port for HTTP, a port that refuses, the port for TLS (0: no openssl here), the file with the
certificate. It ends when its standard input does.
usage: fault_server.py
"""
import asyncio
import email.utils
import logging
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time

logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # clients that go away are what is tested
connections = 0


class Exchange:
    """One HTTP/1.1 request that was read, and what can be said in answer."""

    def __init__(self, head, body, writer):
        self.head, self.body, self.writer = head, body, writer

    def send(self, data):
        self.writer.write(data)

    def start(self, status=200, *headers):
        lines = [f"HTTP/1.1 {status} X", *headers, "", ""]
        self.send("\r\n".join(lines).encode("latin-1"))

    def reply(self, status, body, *headers):
        self.start(status, f"Content-Length: {len(body)}", *headers)
        self.send(body)

    def start_stream(self):
        self.start(200, "Content-Type: text/event-stream; charset=utf-8", "X-Request-Id: req-7",
                   "Transfer-Encoding: chunked")

    def chunk(self, data):
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    async def flush(self):
        await self.writer.drain()

    async def abort(self, wait=0.05):
        """A reset, after what was sent has gone out."""
        await self.flush()
        await asyncio.sleep(wait)
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()
        raise ConnectionAbortedError


JSON = "Content-Type: application/json"


async def mode_ok(x):
    x.reply(200, b'{"ok": true}', JSON, "X-Request-Id: req-1")


async def mode_slow(x):
    await asyncio.sleep(0.2)
    await mode_ok(x)


async def mode_echo(x):
    x.reply(200, x.head + b"\n" + x.body, JSON)


async def mode_length(x):
    x.reply(200, str(len(x.body)).encode(), JSON)


async def mode_connections(x):
    x.reply(200, str(connections).encode(), JSON)


async def mode_stream(x):
    x.start_stream()
    for i in range(20):
        x.chunk(b'data: {"token": %d}\n\n' % i)
        await x.flush()
        await asyncio.sleep(0.01)
    x.chunk(b"data: [DONE]\n\n")
    x.send(b"0\r\n\r\n")


async def mode_twice(x):
    x.start_stream()
    for i in range(20):
        x.chunk(b'id: %d\ndata: {"token": %d}\n\n' % (i, i) * 2)
    x.chunk(b"data: [DONE]\n\n" * 2)
    x.send(b"0\r\n\r\n")


async def mode_drip(x):
    """Goes on for ever, a little at a time."""
    x.start_stream()
    while True:
        x.chunk(b": still here\n\n")
        await x.flush()
        await asyncio.sleep(0.02)


async def mode_reset(x):
    await x.abort()


async def mode_resetmid(x):
    x.start_stream()
    x.chunk(b'data: {"token": 0}\n\ndata: {"tok')
    await x.abort()


async def mode_early(x):
    x.writer.close()


async def mode_toolarge(x):
    """Answers without having read the body."""
    x.reply(413, b"{}", JSON, "Connection: close")
    await x.flush()
    await asyncio.sleep(0.5)
    x.writer.close()


async def mode_once(x):
    """Promises to keep the connection, and closes it."""
    await mode_ok(x)
    x.writer.close()


async def mode_never(x):
    await asyncio.sleep(3600)


async def mode_stall(x):
    x.start_stream()
    x.chunk(b'data: {"token": 0}\n\ndata: {"tok')
    await x.flush()
    await asyncio.sleep(3600)


async def mode_headstall(x):
    x.send(b"HTTP/1.1 200 OK\r\nContent-Ty")
    await asyncio.sleep(3600)


async def mode_slowhead(x):
    for piece in (b"HTTP/1.1 20", b"0 OK\r\nContent-", b"Length: 2\r", b"\nX-Request-Id: slow\r\n", b"\r\n{", b"}"):
        x.send(piece)
        await x.flush()
        await asyncio.sleep(0.1)


async def mode_cutstream(x):
    x.start_stream()
    x.chunk(b'data: {"token": 0}\n\ndata: {"tok')
    x.writer.close()


async def mode_cutchunk(x):
    x.start_stream()
    x.send(b"1000\r\ndata: {}\n\n")
    x.writer.close()


async def mode_badchunk(x):
    x.start_stream()
    x.send(b"zz\r\ndata: {}\n\n\r\n0\r\n\r\n")
    x.writer.close()


async def mode_cutlength(x):
    x.start(200, "Content-Length: 1000", JSON)
    x.send(b'{"choices": [')
    x.writer.close()


async def mode_untilclose(x):
    x.start(200, "Connection: close", JSON)
    x.send(b'{"ok": true}')
    x.writer.close()


async def mode_limited(x):
    x.reply(429, b'{"error": "slow down"}', JSON, "Retry-After: 7")


async def mode_limiteddate(x):
    x.reply(429, b"", "Retry-After: " + email.utils.formatdate(time.time() + 30, usegmt=True))


async def mode_limitednonsense(x):
    x.reply(429, b"", "Retry-After: soon")


async def mode_error(x):
    x.reply(500, b"<html>oops</html>", "Content-Type: text/html", "X-Request-Id: " + "r" * 200)


async def mode_errorstream(x):
    """An error in the form of a stream: no data of the answer."""
    x.start(503, "Content-Type: text/event-stream", "Content-Length: 9")
    x.send(b"data: no\n")


async def mode_utf8(x):
    x.reply(200, b'{"text": "\xff\xfe\xc3("}\0tail', JSON)


async def mode_type(x):
    x.reply(200, b"<html>a portal wants you to log in</html>", "Content-Type: text/html")


async def mode_redirect(x):
    x.reply(302, b"", "Location: /ok")


async def mode_continue(x):
    x.send(b"HTTP/1.1 100 Continue\r\nX-Request-Id: early\r\n\r\n")
    await mode_ok(x)


async def mode_nothttp(x):
    x.send(b"SSH-2.0-OpenSSH_9.2\r\n" * 4)
    await x.flush()
    await asyncio.sleep(0.2)
    x.writer.close()


async def mode_hugehead(x):
    x.send(b"HTTP/1.1 200 OK\r\n")
    for i in range(5000):
        x.send(b"X-%d: %s\r\n" % (i, b"a" * 1000))
        await x.flush()


async def mode_huge(x):
    """100 MB."""
    x.start(200, "Transfer-Encoding: chunked", JSON)
    piece = b"a" * 1000000
    for _ in range(100):
        x.chunk(piece)
        await x.flush()
    x.send(b"0\r\n\r\n")


async def read_request(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    mode = head.split(b" ")[1].decode().rsplit("/", 1)[-1]
    return head, mode, b"" if mode in ("early", "toolarge") else await reader.readexactly(length)


async def serve(reader, writer):
    global connections
    connections += 1
    try:
        while not writer.is_closing():
            head, mode, body = await read_request(reader)
            await globals()["mode_" + mode](Exchange(head, body, writer))
            await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


# HTTP/2 (RFC 9113): frames by hand, answers with the static table of HPACK (RFC 7541) alone.

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def literal(index, value):
    """A header whose name stands in the static table, not indexed; index below 15 or up to 142."""
    prefix = bytes([index]) if index < 15 else bytes([15, index - 15])
    return prefix + bytes([len(value)]) + value


class Http2:
    def __init__(self, writer):
        self.writer, self.bodies, self.last = writer, {}, 0

    def send(self, *args):
        self.writer.write(frame(*args))

    async def answer(self, stream, request):
        mode = request[:20].decode().split(" ")[0]
        if mode == "slow":
            await asyncio.sleep(0.2)
        if mode == "rst":
            return self.send(RST_STREAM, 0, stream, struct.pack(">I", 2))
        if mode == "goaway":  # this one was not begun: it may be tried again elsewhere
            self.send(GOAWAY, 0, 0, struct.pack(">II", max(stream - 2, 0), 0))
            await asyncio.sleep(0.05)
            return self.writer.close()
        body = b'{"ok": 2}'
        if mode in ("connections", "length"):
            body = str(connections if mode == "connections" else len(request)).encode()
        self.send(HEADERS, END_HEADERS, stream, b"\x88" + literal(31, b"application/json"))
        if mode == "goawaymid":  # in the midst of the answer
            self.send(DATA, 0, stream, body[:4])
            self.send(GOAWAY, 0, 0, struct.pack(">II", stream, 2))
            await asyncio.sleep(0.05)
            return self.writer.close()
        self.send(DATA, END_STREAM, stream, body)

    async def run(self, reader):
        await reader.readexactly(24)
        self.send(SETTINGS, 0, 0)
        while True:
            head = await reader.readexactly(9)
            length = int.from_bytes(head[:3], "big")
            kind, flags, stream = struct.unpack(">BBI", head[3:])
            payload = await reader.readexactly(length)
            if kind == SETTINGS and not flags & ACK:
                self.send(SETTINGS, ACK, 0)
            elif kind == PING and not flags & ACK:
                self.send(PING, ACK, 0, payload)
            elif kind == DATA:
                self.bodies[stream] = self.bodies.get(stream, b"") + payload
                if length:
                    self.send(WINDOW_UPDATE, 0, 0, struct.pack(">I", length))
                    self.send(WINDOW_UPDATE, 0, stream, struct.pack(">I", length))
            if kind in (DATA, HEADERS) and flags & END_STREAM:
                asyncio.ensure_future(self.answer(stream, self.bodies.pop(stream, b"")))


async def serve_tls(reader, writer):
    global connections
    connections += 1
    try:
        await Http2(writer).run(reader)
    except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
        pass
    finally:
        writer.close()


def make_certificate(folder):
    key, certificate = os.path.join(folder, "key.pem"), os.path.join(folder, "cert.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return key, certificate


async def listen_tls(folder):
    try:
        key, certificate = make_certificate(folder)
    except (OSError, subprocess.CalledProcessError):
        return 0, "-"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["h2"])
    server = await asyncio.start_server(serve_tls, "127.0.0.1", 0, backlog=4096, ssl=context)
    return server.sockets[0].getsockname()[1], certificate


async def main():
    deaf = socket.socket()
    deaf.bind(("127.0.0.1", 0))  # and does not listen
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=4096, limit=1 << 24)
    with tempfile.TemporaryDirectory() as folder:
        tls_port, certificate = await listen_tls(folder)
        print(server.sockets[0].getsockname()[1], deaf.getsockname()[1], tls_port, certificate, flush=True)
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        loop.add_reader(0, lambda: ended.done() or ended.set_result(None))
        await ended
    os._exit(0)  # whatever is under way


asyncio.run(main())
