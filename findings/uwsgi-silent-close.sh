#!/usr/bin/env bash
# uWSGI 2.0.21 with --http-socket closes each connection without announcing it.
#
# Expected: a server that answers HTTP/1.1 without `Connection: close` keeps the
# connection open for the next request (RFC 9112, 9.3).
# Seen: the response has no Connection field, and the connection is closed right
# after it.
#
# For a load balancer: each connection looks reusable for a moment. A POST that is
# sent on it in this moment is lost, and must not be repeated.
set -euo pipefail
version=2.0.21-5.1
dir=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq "uwsgi-core=$version" "uwsgi-plugin-python3=$version" 2>/dev/null
for package in *.deb; do dpkg -x "$package" .; done
cat > app.py <<'APP'
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "6")])
    return [b"hello\n"]
APP
python3=/usr/bin/python3
port=$("$python3" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
usr/bin/uwsgi-core --plugins-dir "$dir/usr/lib/uwsgi/plugins" --plugin python311 --http-socket "127.0.0.1:$port" --wsgi-file app.py --logto log &
server=$!
"$python3" - "$port" > seen <<'CLIENT'
import socket, sys, time
for _ in range(100):
    try:
        s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5)
        break
    except OSError:
        time.sleep(0.1)
s.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
s.settimeout(5)
data = b""
try:
    while chunk := s.recv(65536):
        data += chunk
    state = "closed by the server"
except socket.timeout:
    state = "open"
head = data.partition(b"\r\n\r\n")[0].decode()
print(head.splitlines()[0])
print("Connection field:", "connection:" in head.lower())
print("connection", state)
CLIENT
echo "uwsgi-core=$version"
cat seen
diff - seen <<'SEEN' && echo 'as found'
HTTP/1.1 200 OK
Connection field: False
connection closed by the server
SEEN
