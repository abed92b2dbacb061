#!/bin/sh
# Installs the peers that the benchmark compares with: Debian's nginx and
# HAProxy. Needs root, and does nothing when both are there.
set -eu
PATH=$PATH:/usr/sbin
if command -v nginx >/dev/null && command -v haproxy >/dev/null; then
	exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
	echo "bench: run as root: apt-get install nginx-light haproxy" >&2
	exit 1
fi
apt-get update -qq
apt-get install -y -qq --no-install-recommends nginx-light haproxy
