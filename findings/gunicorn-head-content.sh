#!/usr/bin/env bash
# gunicorn 20.1.0 sends the content of an application in answer to HEAD.
#
# Expected: a response to HEAD ends with its head (RFC 9110, 9.3.2), so the server
# drops the content that the application returns for it.
# Seen: the gthread worker keeps the connection alive and sends the content after
# the head. The next response on the connection begins behind these bytes.
#
# For a load balancer: a connection that carried a HEAD must not be used again
# before it is known that no more bytes come.
set -euo pipefail
package=python3-gunicorn=20.1.0-6+deb12u1
dir=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq "$package" 2>/dev/null
dpkg -x python3-gunicorn_*.deb .
cat > app.py <<'APP'
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "6")])
    return [b"hello\n"]
APP
export PYTHONPATH="$dir/usr/lib/python3/dist-packages:$dir"
python3=/usr/bin/python3
port=$("$python3" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$python3" -m gunicorn.app.wsgiapp --bind "127.0.0.1:$port" --worker-class gthread --threads 2 app:application 2>log &
server=$!
"$python3" - "$port" > seen <<'CLIENT'
import socket, sys, time
for _ in range(100):
    try:
        s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5)
        break
    except OSError:
        time.sleep(0.1)
s.sendall(b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n")
s.settimeout(1)
data = b""
try:
    while chunk := s.recv(65536):
        data += chunk
    state = "closed"
except socket.timeout:
    state = "kept alive"
head, _, rest = data.partition(b"\r\n\r\n")
print("connection", state)
print("bytes after the head:", rest)
CLIENT
echo "$package"
cat seen
diff - seen <<'SEEN' && echo 'as found'
connection kept alive
bytes after the head: b'hello\n'
SEEN
