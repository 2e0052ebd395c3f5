"""A real HTTP server that serves files and, when told to, misbehaves."""

import contextlib
import http.server
import re
import socket
import ssl
import struct
import threading
import time


class Mirror:
    """Files over HTTP from 127.0.0.1. `faults` has, by the file's name, functions (handler, body) that
    answer in the server's place; each request takes the next one, if any is left.
    """

    def __init__(self, files, *, ranges=True, block=0, pause=0.0, context=None):
        self.files, self.ranges, self.block, self.pause = files, ranges, block, pause
        self.faults, self.requests = {}, []
        mirror = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                mirror.answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *_: None
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.scheme = "https" if context else "http"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.server.server_port}/"

    def answer(self, handler):
        name = handler.path.rpartition("/")[2]
        self.requests.append((handler.path, handler.headers.get("Range")))
        if name not in self.files:
            return respond(handler, 404)
        body, faults = self.files[name], self.faults.get(name)
        if faults:
            return faults.pop(0)(handler, body)
        begin = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range") or "")
        if begin and self.ranges:
            begin = int(begin[1])
            if begin >= len(body):
                return respond(handler, 416, {"Content-Range": f"bytes */{len(body)}"})
            told = {"Content-Range": f"bytes {begin}-{len(body) - 1}/{len(body)}"}
            return self.send(handler, 206, told, body[begin:])
        return self.send(handler, 200, {}, body)

    def send(self, handler, status, headers, body):
        start(handler, status, {**headers, "Content-Length": len(body)})
        with contextlib.suppress(OSError):
            for at in range(0, len(body), self.block or len(body) or 1):
                handler.wfile.write(body[at : at + (self.block or len(body))])
                time.sleep(self.pause)


def start(handler, status, headers):
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, str(value))
    handler.end_headers()


def respond(handler, status, headers=None, body=b""):
    start(handler, status, {**(headers or {}), "Content-Length": len(body)})
    handler.wfile.write(body)


# Faults ---------------------------------------------------------------------------------------


def cut(at, reset=False):
    """The connection ends after so many bytes of what was asked for."""

    def fault(handler, body):
        begin = int((handler.headers.get("Range") or "bytes=0-")[6:-1])
        told = {"Content-Range": f"bytes {begin}-{len(body) - 1}/{len(body)}"} if begin else {}
        start(handler, 206 if begin else 200, {**told, "Content-Length": len(body) - begin})
        handler.wfile.write(body[begin : begin + at])
        if reset:
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()
        handler.close_connection = True

    return fault


def wrong_bytes(handler, body):
    """Another file of the same length."""
    return respond(handler, 200, {}, bytes(byte ^ 1 for byte in body))


def short_file(handler, body):
    """A file that is too short, with the right Content-Length for what it is."""
    return respond(handler, 200, {}, body[:-7])


def no_range(handler, body):
    """The whole file, whatever was asked for."""
    return respond(handler, 200, {}, body)


def wrong_range(handler, body):
    """Another part than was asked for."""
    return respond(handler, 206, {"Content-Range": f"bytes 1-{len(body) - 1}/{len(body)}"}, body[1:])


def status(code, **headers):
    """Nothing but a status code."""
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler, body: respond(handler, code, told, b"an error page")


def redirect(url):
    """Look elsewhere, under the same name."""
    return lambda handler, body: respond(handler, 302, {"Location": url + handler.path.rpartition("/")[2]})


def stall(seconds, at=0):
    """Nothing comes for a while."""

    def fault(handler, body):
        start(handler, 200, {"Content-Length": len(body)})
        handler.wfile.write(body[:at])
        time.sleep(seconds)
        handler.close_connection = True

    return fault


def untold(at):
    """No length is told, and the connection ends after so many bytes of what was asked for."""

    def fault(handler, body):
        begin = int((handler.headers.get("Range") or "bytes=0-")[6:-1])
        start(handler, 206 if begin else 200, {"Content-Range": f"bytes {begin}-/*"} if begin else {})
        handler.wfile.write(body[begin : begin + at])
        handler.close_connection = True

    return fault


def drip(handler, body):
    """A few bytes at a time."""
    start(handler, 200, {"Content-Length": len(body)})
    with contextlib.suppress(OSError):
        for byte in body:
            handler.wfile.write(bytes([byte]))
            time.sleep(0.02)


def endless(handler, body):
    """More and more."""
    start(handler, 200, {})
    with contextlib.suppress(OSError):
        while True:
            handler.wfile.write(bytes(1 << 16))
            time.sleep(0.001)


def no_http(handler, body):
    """Something that is not HTTP."""
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n")
    handler.close_connection = True


def self_signed():
    """A certificate from an authority that nobody trusts, and that authority's own certificate."""
    import trustme

    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context, authority.cert_pem
