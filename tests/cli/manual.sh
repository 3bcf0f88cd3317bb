#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The manual says what the program does: every option of --help is in it, and the reverse; and it is sound mdoc or man.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
page=$TOP/man/backproof.1
holds "the manual is there" test -s "$page"
"$BACKPROOF" check --help | grep -oE -e '--[a-z][a-z-]+' | sort -u >"$W/help"
for command in audit run seal inspect extract pass key history rollback config hook waive ''; do
	# shellcheck disable=SC2086
	"$BACKPROOF" $command --help 2>/dev/null
done | cat - "$W/help" | grep -oE -e '--[a-z][a-z-]+' | sort -u >"$W/all"
mandoc -T utf8 "$page" | perl -pe 's/.\x08//g; s/\xe2\x88\x92|\xe2\x80\x90/-/g' >"$W/page.txt"
grep -oE -e '--[a-z][a-z-]+' "$W/page.txt" | sort -u >"$W/manual"
holds "check --help lists options" test "$(wc -l <"$W/help")" -ge 15
holds "every option of check --help is in the manual" sh -c '! comm -23 "$1" "$2" | grep .' - "$W/help" "$W/manual"
holds "every option in the manual is in some --help" sh -c '! comm -13 "$1" "$2" | grep -vE "^--(help|version)$" | grep .' - "$W/all" "$W/manual"
for code in 0 10 11 12 13 20 21 64 70 78; do
	holds "exit code $code is in the manual" grep -qE "(^|[^0-9])$code([^0-9]|\$)" "$W/page.txt"
done
version=$(sed -n 's/^#define REPORT_FORMAT_VERSION "\(.*\)"/\1/p' "$TOP/src/report/common.h")
holds "the version of reports is in the manual" sh -c 'grep -A 1 "^.It Li format_version" "$1" | grep -qxF ".Dq $2 ."' - "$page" "$version"
sed -n '/^.Ss JSON/,/^.El/s/^.It Li //p' "$page" | tr -d ' ' | tr , '\n' | grep -vx newer_restore_point >"$W/told"
run check web01 --from "$W/none" --config "$W/empty.conf" --format json
jq -r 'keys_unsorted[]' "$W/out" >"$W/keys"
holds "the keys of a report are in the manual, in that order" diff "$W/keys" "$W/told"
for page in "$TOP"/man/*.[1-8]; do
	holds "lint: $(basename "$page")" sh -c 'out=$(mandoc -T lint -W warning "$1"); printf "%s" "$out"; [ -z "$out" ]' - "$page"
done
finish
