# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# What the tests of sealed backups share: a backup in $W/b, which is sealed and looked at. Sourced after lib.sh.
fresh() { rm -rf "$W/b" && mkdir "$W/b"; }
seal() { # PATH... [OPTIONS]
	run seal "$@" --scratch "$S" --progress never
	[ "$code" = 0 ] || why 0 | not_ok "seal $*"
}
# look CONF CODE NAME HOST OPTIONS...
look() {
	local conf=$1 want=$2 name=$3
	shift 3
	run check "$@" --config "$W/$conf.conf" --scratch "$S" --format json
	verdict_is "$want" "$name"
}
told() { holds "$1" jq -e "$2" "$W/out"; }
by_seal='any(.findings[]; .check == "seal.digest" and .outcome == "held")'
