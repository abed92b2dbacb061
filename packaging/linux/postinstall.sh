#!/bin/sh
# The account of the service, and the unit. The service is started by a person, when
# /etc/dynlb/config.yaml says what to serve: systemctl enable --now dynlb
set -e
if command -v systemd-sysusers >/dev/null; then
	systemd-sysusers dynlb.conf || true
fi
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
	# A dynlb that runs goes over to the new binary without losing a request. If that one
	# cannot serve, the one before does, and 'dynlb status' says why.
	if systemctl is-active --quiet dynlb.service; then
		systemctl kill --kill-who=main --signal=SIGUSR2 dynlb.service || true
	fi
fi
