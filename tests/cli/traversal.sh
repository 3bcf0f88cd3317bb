#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Nothing in a backup gets out of where it is restored to: not out of scratch by a check, not out of DIR by extract; and
# nothing of it gets powers there.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
C=$W/canary
mkdir -p "$C/dir" "$C/d" "$W/evil" "$W/bin"
for f in secret dir/file d/x through absolute-not; do echo "$f" >"$C/$f"; done
ln -s secret "$C/link"
chmod 4755 "$C/dir/file"
cp "$BACKPROOF" "$W/bin/backproof"
BACKPROOF=$W/bin/backproof
mk_tree "$W/tree" web01 "$ID" container
python3 "$TOP/tests/cli/traversal-make.py" "$W/evil" "$C" "$W/tree" || exit 1
rm -rf "$W/evil/payload" "$W/evil/wim-source"
chmod -R a+rX "$W/evil"
users=user
[ "$(id -u)" != 0 ] || users="root nobody"

# All that stands beside scratch and DIR. Whatever is done to a file sets its ctime, which nobody can set back.
look() {
	find "$C" "$W/bin" "$W/evil" -printf '%p %i %m %U:%G %s %T@ %C@ %n %l\n'
	find "$W/around" -maxdepth 1 -printf '%p %i %m\n'
}
# What must not be anywhere in a place that was restored to.
powers() { # DIR
	find "$1" \( -type b -o -type c -o -type p -o -type s -o -perm /7000 \) -printf 'has powers: %M %p\n'
	getfattr -R -h -d -m '^(security|trusted|system)\.' --absolute-names "$1" 2>/dev/null | grep -v '^security.selinux'
	find "$1" -type d -print0 | xargs -0 lsattr -a 2>/dev/null | awk '$1 ~ /[ia]/ {print "has flags: " $0}'
}
as() { # USER COMMAND...
	local user=$1
	shift
	if [ "$user" = nobody ]; then setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; else "$@"; fi
}

one() { # USER BACKUP: what went wrong
	local user=$1 backup=$2 n before after code to
	n=$(basename "$backup")
	to=$W/around/$user-to/$n
	as "$user" mkdir "$to"
	before=$(look)
	as "$user" timeout 20 "$BACKPROOF" extract "$backup" / -C "$to" --scratch "$W/around/$user" >"$W/out" 2>"$W/err" </dev/null
	code=$?
	after=$(look)
	echo "$user $n: extract $code" >>"$W/codes"
	case $code in 0 | 1[0123] | 20) ;; *) echo "$n: extract ended with $code" ;; esac
	[ "$before" = "$after" ] || diff <(echo "$before") <(echo "$after") | sed "s|^|$n: extract: |"
	as "$user" timeout 20 "$BACKPROOF" check web01 --from "$backup" --config "$W/empty.conf" --scratch "$W/around/$user" \
		--format json >"$W/out" 2>"$W/err" </dev/null
	code=$?
	before=$after after=$(look)
	echo "$user $n: check $code" >>"$W/codes"
	[ $code -lt 64 ] && jq -e --argjson code $code '.exit == $code' "$W/out" >/dev/null 2>&1 || echo "$n: check ended with $code"
	[ "$before" = "$after" ] || diff <(echo "$before") <(echo "$after") | sed "s|^|$n: check: |"
	[ -z "$(ls -A "$W/around/$user")" ] || echo "$n: something is left in scratch"
}

sums=$(find "$C" -type f -exec sha256sum {} +)
for user in $users; do
	mkdir -p "$W/around/$user" "$W/around/$user-to"
	[ "$user" != nobody ] || chown 65534 "$W/around/$user" "$W/around/$user-to"
done
for user in $users; do
	for backup in "$W"/evil/*; do one "$user" "$backup"; done >"$W/bad"
	powers "$W/around/$user-to" >>"$W/bad"
	n=$(find "$W/evil" -type f | wc -l)
	if [ -s "$W/bad" ]; then not_ok "$user: $n backups that try to get out" <"$W/bad"; else ok "$user: $n backups that try to get out"; fi
	# What is well in them came out all the same.
	holds "$user: files and links did come out" test -e "$W/around/$user-to/powers.tar/suid" -a -L "$W/around/$user-to/link-up.tar/l" \
		-a -e "$W/around/$user-to/ext-things.img/sgid/inner" -a -e "$W/around/$user-to/wim-1.wim/..WWWWWW4"
done
holds "nothing outside has other content" test "$sums" = "$(find "$C" -type f -exec sha256sum {} +)"

# What a trial restore does on the way: no device, no link of two names, no powers, no attribute but user's; and no other
# owner, but that root gives the reader its scratch directory.
calls=openat,symlink,symlinkat,mknod,mknodat,link,linkat,chown,fchown,lchown,fchownat,chmod,fchmod,fchmodat,setxattr,lsetxattr,fsetxattr,mount
for backup in system-evil.tar ext-things.img; do
	strace -f -qq -e trace=$calls -o "$W/calls" "$BACKPROOF" check web01 --from "$W/evil/$backup" --config "$W/empty.conf" \
		--sample-files 500 --scratch "$W/around/${users%% *}" >/dev/null 2>&1
	holds "$backup: the calls were seen" sh -c 'grep -c "open.*O_CREAT" "$1" && grep "setxattr.*user.fine" "$1"' - "$W/calls"
	grep -E '(mknod|link|chown|mount)(at)?\(|chmod.*, 0?[1-7][0-7]{3}\)|O_CREAT.*, 0[1-7][0-7]{3}\)|xattr\(.*"(security|trusted|system)' \
		"$W/calls" | grep -vE '[0-9] +(symlink|unlink)(at)?\(' | awk '/ fchown\(/ && !given++ {next} {print}' >"$W/bad"
	if [ -s "$W/bad" ]; then not_ok "$backup: no powers on the way" <"$W/bad"; else ok "$backup: no powers on the way"; fi
done

# What a run that was killed left behind, where it can't be removed: its links are not followed to be made removable.
s=$W/around/left
mkdir -p "$s/run-1-000000000000"
install -m 600 /dev/null "$C/mine"
ln -s "$C/mine" "$s/run-1-000000000000/1"
mkdir -p "$s/run-2-000000000000/1/2" && echo x >"$s/run-2-000000000000/1/2/3" && ln -s "$C" "$s/run-2-000000000000/1/4"
chmod 0 "$s/run-2-000000000000/1/2" "$s/run-2-000000000000/1"
chmod 700 "$s" && chmod 500 "$s/run-1-000000000000"
user=${users##* }
[ "$user" != nobody ] || chown -h -R 65534 "$s" "$C/mine"
as "$user" "$BACKPROOF" check web01 --from "$W/evil/windows.tar" --config "$W/empty.conf" --scratch "$s" >/dev/null 2>&1
holds "what can't be removed is not followed" test "$(stat -c %a "$C/mine")" = 600
[ "$user" = root ] || holds "... and was looked at" test -L "$s/run-1-000000000000/1"
holds "what can be removed is" test ! -e "$s/run-2-000000000000"
holds "... and no more" test -e "$C/secret"
finish
