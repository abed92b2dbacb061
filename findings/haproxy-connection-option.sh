#!/usr/bin/env bash
# HAProxy 2.6.12 passes on a response field that its sender has named in Connection.
#
# Expected: an intermediary removes the fields that a Connection field names, and
# Connection itself (RFC 9110, 7.6.1).
# Seen: `close` is removed from the list, and the rest is forwarded: the client gets
# `connection: X-Hop` and the field X-Hop.
#
# For a load balancer: an application behind two proxies must not rely on the outer
# one to keep fields of the inner hop from the client.
set -euo pipefail
package=haproxy=2.6.12-1+deb12u4
dir=$(mktemp -d)
trap 'kill ${pids:-} 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -qq "$package" 2>/dev/null
dpkg -x haproxy_*.deb .
python3=/usr/bin/python3
read -r origin proxy < <("$python3" -c '
import socket
a, b = socket.socket(), socket.socket()
a.bind(("127.0.0.1", 0)); b.bind(("127.0.0.1", 0))
print(a.getsockname()[1], b.getsockname()[1])')
"$python3" - "$origin" <<'ORIGIN' &
import socket, sys
l = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    s, _ = l.accept()
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = s.recv(65536)
        if not chunk:
            break
        data += chunk
    s.sendall(b"HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nX-End: 2\r\nContent-Length: 3\r\n\r\nok\n")
    s.close()
ORIGIN
pids=$!
cat > haproxy.cfg <<CONFIG
defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 2s
listen a
  bind 127.0.0.1:$proxy
  server a 127.0.0.1:$origin
CONFIG
LD_LIBRARY_PATH="$(find "$dir" -name '*.so*' -printf '%h:' | head -c 4000)" usr/sbin/haproxy -db -f haproxy.cfg 2>log &
pids="$pids $!"
"$python3" - "$proxy" > seen <<'CLIENT'
import socket, sys, time
for _ in range(100):
    try:
        s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5)
        break
    except OSError:
        time.sleep(0.1)
s.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
s.settimeout(5)
data = b""
while chunk := s.recv(65536):
    data += chunk
for line in sorted(data.partition(b"\r\n\r\n")[0].decode().splitlines()):
    if line.lower().startswith(("connection", "x-")):
        print(line)
CLIENT
echo "$package"
cat seen
grep -qi '^connection:.*x-hop' seen && grep -qi '^x-hop: 1' seen && echo 'as found'
