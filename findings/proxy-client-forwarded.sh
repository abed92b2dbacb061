#!/usr/bin/env bash
# nginx 1.22 and Caddy 2.6, which write X-Forwarded-For anew or continue it, pass on the
# Forwarded field of any client.
#
# Expected: Forwarded (RFC 7239) says the same as X-Forwarded-For, so a proxy that knows
# the one, and does not trust the client, drops or replaces the other.
# Seen: the backend gets the client's Forwarded as it was, beside the X-Forwarded-For with
# the real address. nginx has set X-Forwarded-For by proxy_set_header, as is usual; Caddy
# does so by itself.
#
# For a load balancer: that a trusted proxy sends Forwarded does not mean that it has
# written it. Where there is X-Forwarded-For, only that counts.
set -euo pipefail
dir=$(mktemp -d)
trap 'kill ${backend:-} ${nginx:-} ${caddy:-} 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
cat > backend.py <<'PROGRAM'
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        text = f"Forwarded: {self.headers.get('Forwarded')}; X-Forwarded-For: {self.headers.get('X-Forwarded-For')}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", 25830), Handler).serve_forever()
PROGRAM
python3 backend.py &
backend=$!
cat > nginx.conf <<CONFIG
daemon off; master_process off; pid $dir/nginx.pid; error_log stderr error; events {}
http {
	access_log off; client_body_temp_path $dir/a; proxy_temp_path $dir/b; fastcgi_temp_path $dir/c; uwsgi_temp_path $dir/d; scgi_temp_path $dir/e;
	server { listen 127.0.0.1:25831; location / { proxy_pass http://127.0.0.1:25830; proxy_set_header X-Forwarded-For \$remote_addr; } }
}
CONFIG
nginx -e stderr -c "$dir/nginx.conf" 2> /dev/null &
nginx=$!
printf '{\n\tadmin off\n\tauto_https off\n}\nhttp://127.0.0.1:25832 {\n\treverse_proxy 127.0.0.1:25830\n}\n' > Caddyfile
HOME=$dir caddy run --adapter caddyfile --config Caddyfile 2> /dev/null &
caddy=$!
ask() {
	for _ in $(seq 100); do
		curl -sf --noproxy '*' -H 'Forwarded: for=192.0.2.1' -H 'X-Forwarded-For: 192.0.2.1' "http://127.0.0.1:$1/" && return
		sleep 0.1
	done
}
nginx -v 2>&1 | sed 's/.*: //'
echo "nginx: $(ask 25831)" | tee seen
echo "Caddy $(caddy version | cut -d' ' -f1)"
echo "Caddy: $(ask 25832)" | tee -a seen
grep -qx 'nginx: Forwarded: for=192.0.2.1; X-Forwarded-For: 127.0.0.1' seen &&
	grep -qx 'Caddy: Forwarded: for=192.0.2.1; X-Forwarded-For: 127.0.0.1' seen && echo 'as found'
