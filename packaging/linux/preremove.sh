#!/bin/sh
# The service ends before its program goes. An upgrade of the package (dpkg calls this with
# "upgrade", rpm with 1) lets it go on.
set -e
case "$1" in
remove | 0)
	if [ -d /run/systemd/system ]; then
		systemctl --no-reload disable --now dynlb.service || true
	fi
	;;
esac
