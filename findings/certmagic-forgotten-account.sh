#!/usr/bin/env bash
# certmagic 0.25.6 obtains no certificate at its first attempt when the authority has
# forgotten the account, and registers two accounts.
#
# Expected: certmagic handles that case by itself (its log: "ACME account does not exist
# on server; attempting to recreate"): it makes an account, and obtains the certificate
# with that.
# Seen: the order is sent for the previous account again, which makes another account,
# and the call fails with "no certificate chains". The next call succeeds.
#
# For a load balancer: after an authority of one's own was set up anew, the certificates
# of all names come one pause between attempts later than they could.
set -euo pipefail
dir=$(mktemp -d)
trap 'kill ${pid:-} 2>/dev/null || true; wait 2>/dev/null || true; chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
cat > go.mod <<'MODULE'
module finding

go 1.26.0
MODULE
cat > main.go <<'PROGRAM'
// Obtains a certificate for the name in its argument, in as many calls as it takes.
package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
)

func main() {
	pem, _ := os.ReadFile("server.pem")
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	var config *certmagic.Config
	cache := certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return config, nil }, Logger: zap.NewNop(),
	})
	config = certmagic.New(cache, certmagic.Config{Storage: &certmagic.FileStorage{Path: "state"}, Logger: zap.NewNop()})
	config.Issuers = []certmagic.Issuer{certmagic.NewACMEIssuer(config, certmagic.ACMEIssuer{
		CA: os.Args[2], Email: "a@example.com", Agreed: true, TrustedRoots: roots, Logger: zap.NewNop(),
		ListenHost: "127.0.0.1", AltHTTPPort: 25880, AltTLSALPNPort: 25843,
	})}
	for call := 1; call <= 3; call++ {
		err := config.ObtainCertSync(context.Background(), os.Args[1])
		fmt.Printf("%s, call %d: %v\n", os.Args[1], call, err)
		if err == nil {
			return
		}
	}
}
PROGRAM
go get github.com/caddyserver/certmagic@v0.25.6 github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.3 2>/dev/null
go build -o pebble github.com/letsencrypt/pebble/v2/cmd/pebble
go mod tidy 2>/dev/null
go build -o client .
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout server.key -out server.pem -days 1 \
	-subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 2>/dev/null
cat > pebble.json <<CONFIG
{"pebble": {"listenAddress": "127.0.0.1:25810", "managementListenAddress": "", "certificate": "$dir/server.pem",
 "privateKey": "$dir/server.key", "httpPort": 25880, "tlsPort": 25843, "retryAfter": {"authz": 1, "order": 1}}}
CONFIG
# start starts an authority that knows no account, and finds every challenge solved.
start() {
	PEBBLE_VA_ALWAYS_VALID=1 PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0 ./pebble -config pebble.json > "$1" 2>&1 &
	pid=$!
	for _ in $(seq 100); do
		curl -sk --noproxy '*' https://127.0.0.1:25810/dir > /dev/null && return
		sleep 0.1
	done
}
echo 'certmagic 0.25.6, pebble 2.10.3'
start first.log
./client a.example.com https://127.0.0.1:25810/dir | tee seen
kill "$pid"
wait "$pid" 2>/dev/null || true
start second.log
./client b.example.com https://127.0.0.1:25810/dir | tee -a seen
accounts=$(grep -c 'There are now .* accounts in memory' second.log || true)
echo "accounts that were registered for b.example.com: $accounts"
grep -qx 'a.example.com, call 1: <nil>' seen && grep -q '^b.example.com, call 1: .*no certificate chains' seen &&
	grep -qx 'b.example.com, call 2: <nil>' seen && [ "$accounts" = 2 ] && echo 'as found'
