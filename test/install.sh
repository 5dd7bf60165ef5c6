#!/usr/bin/env bash
# Looks for what building ("tools") or testing ("tests") needs. As root on a
# Debian system it installs what the tests need and is missing; otherwise it
# says exactly what to install.
set -euo pipefail

fail() {
	printf '%s\n' "$@" >&2
	exit 1
}

# newer HAVE WANT reports whether the version HAVE is WANT or later.
newer() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

tools() {
	command -v go >/dev/null || fail "Go is missing. Crosswalk needs Go 1.26 or later: https://go.dev/dl/"
	local have
	have="$(go env GOVERSION)"
	newer "${have#go}" 1.26 || fail "Go 1.26 or later is needed; this is $have: https://go.dev/dl/"
	command -v node >/dev/null && command -v npm >/dev/null ||
		fail "Node.js is missing. The web UI needs Node 20.19 or later with npm: https://nodejs.org/"
	have="$(node --version)"
	newer "${have#v}" 20.19 || fail "Node 20.19 or later is needed; this is $have: https://nodejs.org/"
}

has_chromium() {
	[ -n "${CHROMIUM:-}" ] && return 0
	local name
	for name in chromium chromium-browser google-chrome google-chrome-stable; do
		command -v "$name" >/dev/null && return 0
	done
	return 1
}

has_postgres() { command -v postgres >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null; }

tests() {
	tools
	local missing=()
	has_chromium || missing+=(chromium)
	has_postgres || missing+=(postgresql)
	[ ${#missing[@]} -eq 0 ] && return
	if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
		fail "The tests need: ${missing[*]}." "On Debian: sudo apt-get install --yes ${missing[*]}"
	fi
	echo "installing ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq </dev/null
	apt-get install --yes -qq --no-install-recommends "${missing[@]}" </dev/null >/dev/null
	has_chromium || fail "Chromium was installed but cannot be found."
	has_postgres || fail "PostgreSQL was installed but cannot be found."
}

case "${1:-}" in
tools) tools ;;
tests) tests ;;
*) fail "usage: $0 tools|tests" ;;
esac
