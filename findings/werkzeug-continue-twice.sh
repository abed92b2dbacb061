#!/usr/bin/env bash
# Werkzeug 2.2.2 (Flask's development server) sends `100 Continue` twice.
#
# Expected: one 100 in answer to `Expect: 100-continue`, and then, after the content,
# the final response.
# Seen: two of them, one after the other: the standard library's server, on which it
# is built, sends one when it has read the head, and Werkzeug another one.
#
# For a load balancer: a final response is what follows any number of 1xx. A reader
# that skips at most one takes the second 100 for the final response.
set -euo pipefail
version=2.2.2-3+deb12u1
dir=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq "python3-werkzeug=$version" python3-markupsafe 2>/dev/null
for package in *.deb; do dpkg -x "$package" .; done
cat > app.py <<'APP'
import sys

from werkzeug import Request, Response
from werkzeug.serving import run_simple


@Request.application
def application(request):
    return Response("%d\n" % len(request.get_data()))


run_simple("127.0.0.1", int(sys.argv[1]), application, threaded=True)
APP
export PYTHONPATH="$dir/usr/lib/python3/dist-packages:$dir"
python3=/usr/bin/python3
port=$("$python3" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$python3" app.py "$port" >log 2>&1 &
server=$!
"$python3" - "$port" > seen <<'CLIENT'
import socket, sys, time
for _ in range(100):
    try:
        s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5)
        break
    except OSError:
        time.sleep(0.1)
s.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
s.settimeout(1)
data = b""
try:
    while chunk := s.recv(65536):
        data += chunk
except socket.timeout:
    s.sendall(b"hello")
s.settimeout(5)
while chunk := s.recv(65536):
    data += chunk
for line in data.decode().splitlines():
    if line.startswith("HTTP/"):
        print(line)
CLIENT
echo "python3-werkzeug=$version"
cat seen
diff - seen <<'SEEN' && echo 'as found'
HTTP/1.1 100 Continue
HTTP/1.1 100 Continue
HTTP/1.1 200 OK
SEEN
