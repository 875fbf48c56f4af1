"""DNS over QUIC and in HTTP/3 by aioquic: hands every query to a DNS server by TCP.

dns.py CERTIFICATE KEY DOQ_PORT HTTP3_PORT SERVER_PORT, all on 127.0.0.1. Says "ready" once it listens.
"""

import asyncio
import sys
from base64 import urlsafe_b64decode

from aioquic.asyncio import QuicConnectionProtocol, serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import StreamDataReceived

CERTIFICATE, KEY = sys.argv[1:3]
DOQ, HTTP3, SERVER = map(int, sys.argv[3:6])
TASKS = set()


def background(work):
    task = asyncio.create_task(work)
    TASKS.add(task)
    task.add_done_callback(TASKS.discard)


async def ask(query):
    """The answer to one query, both without their lengths."""
    reader, writer = await asyncio.open_connection("127.0.0.1", SERVER)
    try:
        writer.write(len(query).to_bytes(2, "big") + query)
        length = int.from_bytes(await reader.readexactly(2), "big")
        return await reader.readexactly(length)
    finally:
        writer.close()


class Doq(QuicConnectionProtocol):
    """RFC 9250: one query on each stream."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.heard = {}

    def quic_event_received(self, event):
        if isinstance(event, StreamDataReceived):
            self.heard[event.stream_id] = self.heard.get(event.stream_id, b"") + event.data
            if event.end_stream:
                background(self.answer(event.stream_id, self.heard.pop(event.stream_id)))

    async def answer(self, stream, framed):
        query = framed[2:]
        if int.from_bytes(framed[:2], "big") != len(query) or query[:2] != b"\0\0":
            # DOQ_PROTOCOL_ERROR
            self.close(error_code=2, reason_phrase="one query with id 0 on each stream")
            return
        reply = await ask(query)
        self._quic.send_stream_data(stream, len(reply).to_bytes(2, "big") + reply, end_stream=True)
        self.transmit()


class Http3(QuicConnectionProtocol):
    """RFC 8484 at /dns-query."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http = H3Connection(self._quic)
        self.heard = {}

    def quic_event_received(self, event):
        for part in self.http.handle_event(event):
            if isinstance(part, HeadersReceived):
                self.heard[part.stream_id] = (dict(part.headers), bytearray())
            elif isinstance(part, DataReceived):
                self.heard[part.stream_id][1].extend(part.data)
            else:
                continue
            if part.stream_ended:
                background(self.answer(part.stream_id, *self.heard.pop(part.stream_id)))

    async def answer(self, stream, headers, body):
        path, _, search = headers[b":path"].partition(b"?")
        query = bytes(body)
        if headers[b":method"] == b"GET" and search.startswith(b"dns="):
            text = search[4:]
            query = urlsafe_b64decode(text + b"=" * (-len(text) % 4))
        right = path == b"/dns-query" and headers.get(b"accept") == b"application/dns-message" and query
        reply = await ask(query) if right else b""
        status, kind = (b"200", b"application/dns-message") if right else (b"404", b"text/plain")
        self.http.send_headers(stream, [(b":status", status), (b"content-type", kind)])
        self.http.send_data(stream, reply, end_stream=True)
        self.transmit()


async def main():
    for port, protocol, alpn in [(DOQ, Doq, ["doq"]), (HTTP3, Http3, H3_ALPN)]:
        configuration = QuicConfiguration(is_client=False, alpn_protocols=alpn)
        configuration.load_cert_chain(CERTIFICATE, KEY)
        await serve("127.0.0.1", port, configuration=configuration, create_protocol=protocol)
    print("ready", flush=True)
    await asyncio.Future()


asyncio.run(main())
