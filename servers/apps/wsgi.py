"""A WSGI app. Like many, it returns content in answer to HEAD too."""

import sys
import time


def application(environ, start_response):
    if environ["PATH_INFO"] == "/wait":
        time.sleep(2)
    content = b"hello\n"
    if environ["REQUEST_METHOD"] == "POST":
        body = environ["wsgi.input"]
        length = environ.get("CONTENT_LENGTH")
        received = body.read(int(length)) if length else body.read()
        content = b"%d\n" % len(received)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(content)))])
    return [content]


def run(kind, port):
    if kind == "wsgiref":
        from wsgiref.simple_server import make_server

        make_server("127.0.0.1", port, application).serve_forever()
    elif kind == "cheroot":
        from cheroot.wsgi import Server

        Server(("127.0.0.1", port), application).safe_start()


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]))
