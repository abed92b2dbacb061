#!/bin/sh
# Installs the peers that the benchmark compares with: Debian's nginx, HAProxy
# and Caddy. Needs root, and does nothing when all are there.
set -eu
PATH=$PATH:/usr/sbin
missing=
for pair in nginx:nginx-light haproxy:haproxy caddy:caddy; do
	command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair#*:}"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
	echo "bench: run as root: apt-get install$missing" >&2
	exit 1
fi
apt-get update -qq
# shellcheck disable=SC2086 # a list of words
apt-get install -y -qq --no-install-recommends $missing
