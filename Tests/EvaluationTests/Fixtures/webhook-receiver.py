#!/usr/bin/python3
"""Receives webhooks for tests: checks the signature, notes each request as a line of JSON, and answers as it was told.

usage: webhook-receiver.py NOTES SECRET PORT CERTIFICATE KEY ANSWER...     prints the port; "-" for no certificate
An ANSWER is a status or the name of a fault below; each request gets the next one, and the last one goes on.
"""

import base64
import hashlib
import hmac
import json
import socket
import ssl
import sys
import threading
import time

notes, secret, port, certificate, key, *answers = sys.argv[1:]
listener = socket.create_server(("127.0.0.1", int(port)))
port = listener.getsockname()[1]
print(port, flush=True)


def read(connection):
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(4096)
        if not (received + piece).startswith(b"POST"):
            return None
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    request, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    while len(body) < int(headers["content-length"]):
        body += connection.recv(4096)
    return request, headers, body


def is_signed(headers, body):
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    code = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    is_recent = abs(time.time() - int(headers["webhook-timestamp"])) < 300
    return is_recent and "v1," + base64.b64encode(code).decode() in headers["webhook-signature"].split(" ")


def note(request, headers, body):
    with open(notes, "a", encoding="utf-8") as file:
        seen = {"request": request, "id": headers.get("webhook-id"), "is_signed": is_signed(headers, body)}
        seen |= {"authorization": headers.get("authorization"), "body": body.decode()}
        file.write(json.dumps(seen) + "\n")


def endlessly(connection, piece):
    while True:
        connection.sendall(piece)


def reply(connection, answer):
    match answer:
        case "redirect":
            place = f"http://127.0.0.1:{port}/elsewhere"
            connection.sendall(f"HTTP/1.1 307 Elsewhere\r\nlocation: {place}\r\ncontent-length: 0\r\n\r\n".encode())
        case "endless":
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            endlessly(connection, b"x" * 65536)
        case "endless-status":
            endlessly(connection, b"HTTP/1.1 200 " + b"x" * 65536)
        case "endless-headers":
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            endlessly(connection, b"x: y\r\n")
        case "endless-interim":
            endlessly(connection, b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n")
        case "interim":
            connection.sendall(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 204 Taken\r\n\r\n")
        case "half":
            connection.sendall(b"HTTP/1.1 20")
        case "foreign":
            connection.sendall(b"220 mail.example.org ESMTP\r\n")
        case "silent":
            time.sleep(3600)
        case "drop":
            pass
        case status:
            connection.sendall(f"HTTP/1.1 {status} Told\r\ncontent-length: 2\r\n\r\nok".encode())


def serve(connection, answer):
    try:
        if certificate != "-":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            connection = context.wrap_socket(connection, server_side=True)
        received = read(connection)
        if received:
            note(*received)
            reply(connection, answer)
        connection.close()
    except OSError:
        connection.close()


while True:
    connection, _ = listener.accept()
    threading.Thread(target=serve, args=(connection, answers[0]), daemon=True).start()
    if len(answers) > 1:
        answers.pop(0)
