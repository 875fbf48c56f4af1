#!/usr/bin/python3
"""Sends back what reaches port 7 by the protocols named: echo.py [tcp] [udp]. One thread; from the address that was asked."""
import selectors
import socket
import sys

PORT = 7
IP_PKTINFO = 8  # what Python 3.11 has no name for


def echo_datagram(server):
    data, ancillary, _, peer = server.recvmsg(65536, socket.CMSG_SPACE(12))
    # Not by the link it came by: by the route to the peer.
    info = next(value for level, kind, value in ancillary if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO))
    try:
        server.sendmsg([data], [(socket.IPPROTO_IP, IP_PKTINFO, b"\0\0\0\0" + info[4:8] + b"\0\0\0\0")], 0, peer)
    except OSError:
        pass  # no way back just now


def accept(listener):
    connection, _ = listener.accept()
    connection.settimeout(1)
    ready.register(connection, selectors.EVENT_READ, echo_bytes)


def echo_bytes(connection):
    try:
        data = connection.recv(65536)
        connection.sendall(data)
    except OSError:
        data = b""
    if not data:
        ready.unregister(connection)
        connection.close()


ready = selectors.DefaultSelector()
for protocol in sys.argv[1:]:
    server = socket.socket(socket.AF_INET, {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}[protocol])
    if protocol == "tcp":
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    else:
        server.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    server.bind(("", PORT))
    if protocol == "tcp":
        server.listen(128)
    ready.register(server, selectors.EVENT_READ, {"tcp": accept, "udp": echo_datagram}[protocol])
while True:
    for key, _ in ready.select():
        key.data(key.fileobj)
