#!/usr/bin/env bash
# Hypercorn 0.13.2 closes a connection after a GET whose application has not read the
# empty content of the request, without announcing it.
#
# Expected: an HTTP/1.1 connection is kept for 5 s (keep_alive_timeout) after a
# response without `Connection: close`, whatever the application does.
# Seen: it is kept if the application has called receive(). If it has not, as
# handlers of a GET mostly do not, the response has no Connection field either, and
# the connection is closed right after it.
#
# For a load balancer: whether the connections of one instance last depends on the
# path. What an instance has shown on one path says nothing about the next.
set -euo pipefail
version=0.13.2-3
dir=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq "python3-hypercorn=$version" python3-{h11,h2,hpack,hyperframe,priority,toml,wsproto} 2>/dev/null
for package in *.deb; do dpkg -x "$package" .; done
cat > app.py <<'APP'
async def application(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError
    if scope["path"] == "/read":
        await receive()
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"6")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hello\n"})
APP
export PYTHONPATH="$dir/usr/lib/python3/dist-packages:$dir"
python3=/usr/bin/python3
port=$("$python3" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$python3" -m hypercorn --bind "127.0.0.1:$port" app:application >log 2>&1 &
server=$!
"$python3" - "$port" > seen <<'CLIENT'
import socket, sys, time
for path in ["/", "/read"]:
    for _ in range(100):
        try:
            s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5)
            break
        except OSError:
            time.sleep(0.1)
    s.sendall(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path.encode())
    s.settimeout(1)
    data = b""
    try:
        while chunk := s.recv(65536):
            data += chunk
        state = "closed"
    except socket.timeout:
        state = "kept"
    head = data.partition(b"\r\n\r\n")[0].decode().lower()
    print(path, head.splitlines()[0].strip(), "with a Connection field," if "\nconnection:" in head else "without a Connection field,", state)
CLIENT
echo "python3-hypercorn=$version"
cat seen
diff - seen <<'SEEN' && echo 'as found'
/ http/1.1 200 without a Connection field, closed
/read http/1.1 200 without a Connection field, kept
SEEN
