#!/usr/bin/env python3
"""A chat endpoint on loopback that behaves, or misbehaves, as the first part of the URL's path says.

It writes its port to standard output, and then a line "got MODE" for each request that has come in.
A mode may carry a suffix (ok.7) so that what happens "first" is counted apart.
usage: fake_chat.py KEY
"""
import email.utils
import http.server
import json
import socket
import struct
import sys
import threading
import time

KEY = sys.argv[1]
seen = {}
lock = threading.Lock()


def completion(content, **message):
    return {
        "id": "x-1", "object": "chat.completion", "novelty": {"deep": [1, None]},
        "choices": [{"index": 0, "finish_reason": "stop", "logprobs": None,
                     "message": {"role": "assistant", "content": content, **message}}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    }


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, body, headers=()):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def do_POST(self):
        whole = self.path.split("/")[1]
        mode = whole.split(".")[0]
        self.body = self.rfile.read(int(self.headers["Content-Length"]))
        with lock:
            seen[whole] = seen.get(whole, 0) + 1
            self.first = seen[whole] == 1
            print("got", whole, flush=True)
        if not self.path.endswith(("/v1/chat/completions", "/v1/embeddings")):
            return self.reply(404, {"error": {"message": f"no such path: {self.path}"}})
        try:
            getattr(self, "mode_" + mode)()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def mode_ok(self):
        self.reply(200, completion("hello", reasoning_content="let me see"))

    def mode_echo(self):
        fine = self.headers.get("Authorization") == "Bearer " + KEY
        self.reply(200, completion(self.body.decode(), reasoning="key" if fine else "no key"))

    def send_events(self, *events, cut=False, stall=0, last=None):
        """Events of a stream; it ends well, or in the midst, or after a while of silence."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("X-Request-Id", "req-9")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        for event in events:
            self.wfile.write(b"data: " + json.dumps(event).encode() + b"\n\n")
            self.wfile.flush()
            time.sleep(0.01)
        time.sleep(stall)
        if last:
            self.event(last)
        if not cut:
            self.wfile.write(b"data: [DONE]\n\n")

    @staticmethod
    def pieces(*texts):
        end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
               "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}}
        return [{"id": "x-2", "choices": [{"index": 0, "delta": {"content": text}}]} for text in texts] + [end]

    def mode_words(self):
        self.send_events(*self.pieces("hel", "lo ", "w\u00f6rld"))

    def mode_slowwords(self):
        self.send_events(*self.pieces(*["word "] * 1000))

    def mode_cutwords(self):
        if self.first:
            self.send_events(*self.pieces("wrong ", "be")[:2], cut=True)
        else:
            self.mode_words()

    def mode_paidwords(self):
        if self.first:
            events = self.pieces("wrong ", "be")
            del events[-1]["choices"][0]["finish_reason"]
            self.send_events(*events, cut=True)
        else:
            self.mode_words()

    def mode_errorwords(self):
        if self.first:
            self.send_events({"error": {"message": "overloaded", "type": "overloaded_error", "code": 503}}, cut=True)
        else:
            self.mode_words()

    def mode_stallwords(self):
        if self.first:
            self.send_events(*self.pieces("wro")[:1], stall=3, cut=True)
        else:
            self.mode_words()

    def mode_failwords(self):
        self.stream("hel", [{"error": {"message": "bad luck", "type": "invalid_request_error"}}])

    def mode_failslowly(self):
        self.send_events(*self.pieces("hel")[:1], stall=0.2, cut=True,
                         last={"error": {"message": "bad luck", "type": "invalid_request_error"}})

    def mode_embed(self):
        """The vector of a text: how many letters a, b and c it has; told from the last to the first."""
        texts = json.loads(self.body)["input"]
        data = [{"object": "embedding", "index": i, "embedding": [text.count(c) for c in "abc"]}
                for i, text in reversed(list(enumerate(texts)))]
        self.reply(200, {"object": "list", "data": data, "usage": {"prompt_tokens": 5, "total_tokens": 5}})

    def mode_embedleak(self):
        self.reply(200, b'{"data" "' + self.headers["Authorization"].removeprefix("Bearer ").encode() + b'"}')

    def mode_embedflaky(self):
        if self.first:
            self.reply(503, b"")
        else:
            self.mode_embed()

    def mode_think(self):
        self.reply(200, completion("<think>\nhm\n</think>\n\nhello"))

    def mode_parts(self):
        self.reply(200, completion([{"type": "text", "text": "hel"}, {"type": "image"},
                                    {"type": "text", "text": "lo"}]))

    def mode_slow(self):
        time.sleep(0.3)
        self.mode_ok()

    def mode_stream(self):
        pieces = ({"reasoning_content": "let me "}, {"reasoning_content": "see"}, {"content": "h\u00e9l"}, {"content": "lo"})
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("x-request-id", "req-1")
        self.end_headers()
        for piece in pieces:
            self.event({"choices": [{"index": 0, "delta": piece, "finish_reason": None}]})
            time.sleep(0.02)
        self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        self.event({"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 7,
                                             "prompt_tokens_details": {"cached_tokens": 5},
                                             "completion_tokens_details": {"reasoning_tokens": 3}}})
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def event(self, value):
        self.wfile.write(b"data: " + json.dumps(value).encode() + b"\n\n")
        self.wfile.flush()

    def mode_never(self):
        threading.Event().wait()

    def mode_busy(self):
        if self.first:
            self.reply(429, {"error": {"message": "slow down"}}, [("Retry-After", "1")])
        else:
            self.mode_ok()

    def mode_busydate(self):
        if self.first:
            when = email.utils.formatdate(time.time() + 2, usegmt=True)
            self.reply(503, b"", [("Retry-After", when)])
        else:
            self.mode_ok()

    def mode_limited(self):
        self.reply(429, {"error": {"message": "come tomorrow"}}, [("Retry-After", "86400")])

    def mode_flaky(self):
        if self.first:
            self.reply(500, b"<html>oops</html>")
        else:
            self.mode_ok()

    def mode_down(self):
        self.reply(500, b"<html>\n\x01oops\xff</html>")

    def mode_unknown(self):
        self.reply(404, {"error": {"message": "no model of that name"}})

    def mode_badjson(self):
        self.reply(200, b'{"choices": [{"message": ')

    def mode_notobject(self):
        self.reply(200, [1, 2])

    def mode_nochoices(self):
        self.reply(200, {"error": {"message": "the upstream is away"}})

    def mode_nocontent(self):
        self.reply(200, {"choices": [{"message": {"role": "assistant", "content": None}}]})

    def mode_truncated(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b'{"choices": [')
        self.close_connection = True

    def mode_reset(self):
        self.reset()

    def mode_resetonce(self):
        if self.first:
            self.reset()
        else:
            self.mode_ok()

    def mode_silent(self):
        self.close_connection = True

    def mode_huge(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        chunk = b"a" * 65536
        for _ in range(1024):
            self.wfile.write(b"10000\r\n" + chunk + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def mode_leak(self):
        self.reply(401, {"error": {"message": "wrong: " + self.headers["Authorization"]}})

    def mode_leakraw(self):
        self.reply(403, ("refused " + str(self.headers)).encode())

    def mode_leakpart(self):
        self.reply(401, {"error": "wrong key " + KEY[:12] + "****" + KEY[-5:]})

    def mode_leakjson(self):
        self.reply(200, b'{"choices": ' + KEY.encode() + b"}")

    def mode_leakanswer(self):
        escaped = "".join("\\u%04x" % ord(c) for c in KEY)
        body = json.dumps(completion("your key is " + KEY + " or SECRET", reasoning="SECRET"))
        self.reply(200, body.replace("SECRET", escaped).encode())

    # ---- one that says the key in every way that a server can (test_secrets.py) ----

    def stream(self, *events, ends=True, headers=()):
        """Events of a stream: deltas (text or dict), whole objects (a list of one), or lines as they are (bytes)."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        for event in events:
            if isinstance(event, str):
                event = {"content": event}
            if isinstance(event, dict):
                event = [{"id": KEY, "model": KEY, "choices": [{"index": 0, "delta": event}]}]
            line = event if isinstance(event, bytes) else json.dumps(event[0]).encode()
            self.wfile.write(b"data: " + line + b"\n\n")
            self.wfile.flush()
        if ends:
            self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def says(self, text, finish="stop"):
        """An answer with the key in all its parts, the text in pieces of 7 bytes."""
        pieces = [text[at:at + 7] for at in range(0, len(text), 7)]
        self.stream({"reasoning_content": "my key is " + KEY[:9]}, {"reasoning_content": KEY[9:] + ", is it?"}, *pieces,
                    [{"id": KEY, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}],
                    headers=[("X-Request-Id", "request-of-" + KEY)])

    def fails(self, way):
        """One of the ways to fail that are tried again."""
        header = self.headers["Authorization"]
        if way == 1:
            self.reply(500, {"error": {"message": f"cannot serve {header} (key {KEY[:12]}...{KEY[-10:]})"}})
        elif way == 2:
            self.reply(503, f"HTTP/1.1 200 OK\r\n{self.headers}\r\nAuthorization: {header}\r\n".encode(),
                       [("X-Request-Id", KEY), ("WWW-Authenticate", header), ("Set-Cookie", "key=" + KEY)])
        elif way == 3:
            self.stream("I am ", KEY[:20], KEY[20:], [{"error": {"message": "upstream: " + header, "code": 500}}])
        else:
            self.stream("My key is ", KEY[:30], ends=False)

    def mode_secrets(self):
        body = self.body.decode()
        about = next((name for name in ("first", "second", "third", "fourth") if f"## Idea: The {name}" in body), "")
        with lock:
            count = seen[about] = seen.get(about, 0) + 1
        if not about and count < 5:
            self.fails(count)
        elif not about:
            self.says("".join(f"[Experiment]\nThe {name} idea {KEY}\nIt uses {KEY[:24]}, of course.\n"
                              f"[Code Changes]\nWrite {KEY} into params.txt.\n[End]\n"
                              for name in ("first", "second", "third", "fourth")))
        elif about == "first" and count == 1:
            self.says(f"I would rather talk about {KEY} and {KEY[8:]}.", "length")
        elif about == "first":
            self.says(f"```diff\n--- a/params.txt\n+++ b/params.txt\n@@ -1 +1,2 @@\n-x=8\n+x=4\n+# {KEY}\n```\n")
        elif about == "second":
            self.stream("Well, ", b'{"choices": ' + KEY.encode())
        elif about == "third":
            self.mode_leakpart()
        else:
            self.mode_leakjson()

    def mode_nohttp(self):
        self.wfile.write(f"{KEY} {self.headers['Authorization']}\r\n\r\n".encode())
        self.close_connection = True

    def mode_badheader(self):
        self.wfile.write(f"HTTP/1.1 200 {KEY}\r\nContent-Type: {KEY}\r\n{KEY}: {KEY}\r\nContent-Length: {KEY}\r\n"
                         f"Transfer-Encoding: {KEY}\r\n\r\n{KEY}".encode())
        self.close_connection = True

    def mode_finish(self):
        self.says("My key is " + KEY, KEY)

    def mode_cutkey(self):
        self.says("My key is " + KEY[:-6], "length")


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 512  # many come at once


server = Server(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print(server.server_address[1], flush=True)
server.serve_forever()
