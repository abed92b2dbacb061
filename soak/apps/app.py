"""The app that the soak runs on WSGI servers.

As many applications do, it returns content in answer to HEAD and with 204 and 304
too. Every POST and PUT is on record before it is answered.
"""

import os
import time
from urllib.parse import parse_qs

ledgers = {}  # one per process: servers fork after they have loaded this


def record(request_id):
    pid = os.getpid()
    if pid not in ledgers:
        name = "%s/%s-%d" % (os.environ["SOAK_LEDGER"], os.environ["PORT"], pid)
        ledgers[pid] = os.open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    # The instance is the leader of the process group.
    os.write(ledgers[pid], b"%s %d\n" % (request_id.encode(), os.getpgrp()))


def pattern(request_id, size):
    word = request_id.encode() + b" "
    return (word * (size // len(word) + 1))[:size]


def application(environ, start_response):
    kind, _, request_id = environ["PATH_INFO"][1:].partition("/")
    query = {name: int(values[0]) for name, values in parse_qs(environ["QUERY_STRING"]).items()}
    status, content = "200 OK", b"ok"
    if kind == "item":
        time.sleep(query["ms"] / 1000)
        content = pattern(request_id, query["size"])
        if "status" in query:
            status = {204: "204 No Content", 304: "304 Not Modified"}[query["status"]]
    elif kind == "order":
        body = environ["wsgi.input"]
        received = body.read() if "HTTP_TRANSFER_ENCODING" in environ else body.read(int(environ["CONTENT_LENGTH"]))
        if received and received == pattern(request_id, len(received)):
            record(request_id)
            content = b"ordered " + request_id.encode()
        else:
            status, content = "400 Bad Request", b"not my body"
    start_response(status, [("X-Soak-Id", request_id), ("Content-Type", "text/plain"), ("Content-Length", str(len(content)))])
    return [content]
