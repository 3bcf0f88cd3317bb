# SPDX-License-Identifier: GPL-3.0-or-later
# Shared by the scripts that give crafted backups to the program of tests/compromised: a machine, what nobody is to get at,
# and all that is tried. Whoever sources this has sourced lib.sh, and says what "try NAME CODES REASON ORDER" is.
cp "$(dirname "$BACKPROOF")/backproof-compromised" "$W/backproof" && chmod 755 "$W/backproof" || exit 1
BACKPROOF=$W/backproof
# Nothing vouches for its bytes: what is forged has the less to forge.
printf 'integrity_evidence = read\n' >>"$W/empty.conf"

# A machine of 6 MiB that do not compress, and nothing that is not stored.
mkdir -p "$W/tree/etc" "$W/repo" "$W/inbox"
echo web01 >"$W/tree/etc/hostname"
noise 1 6000000 >"$W/tree/etc/noise"
truncate -s 8M "$W/web01.img"
mke2fs -q -t ext4 -d "$W/tree" "$W/web01.img" || exit 1
cp "$W/web01.img" "$W/repo/db01.img"

# What must stay as it is, and can be read or written by anybody but a reader.
umask 022
mkdir "$W/open" && chmod 777 "$W/open"
echo secret >"$W/open/secret" && chmod 666 "$W/open/secret"
perl -MIO::Socket -MIO::Select -e '
	my ($w, $gate) = @ARGV;
	my $tcp = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1") or die;
	my $udp = IO::Socket::INET->new(Proto => "udp", LocalAddr => "127.0.0.1") or die;
	my $unix = IO::Socket::UNIX->new(Listen => 5, Local => "$w/open/socket") or die;
	chmod 0777, "$w/open/socket";
	open my $p, ">", "$w/ports.new" or die; print $p $tcp->sockport, " ", $udp->sockport, "\n"; close $p;
	rename "$w/ports.new", "$w/ports";
	my $s = IO::Select->new($tcp, $udp, $unix);
	while ($s->can_read(300)) { open my $h, ">>", "$w/heard"; print $h "something\n"; close $h; sleep 1 }' "$W" &
listener=$!
trap 'kill $listener 2>/dev/null; release' EXIT
for _ in $(seq 100); do [ -s "$W/ports" ] || sleep 0.1; done
read -r TCP UDP <"$W/ports" || exit 1

DEAD='SIGSYS'
REFUSED='exit 66'

break_out() {
	try read_shadow 20 "$REFUSED" 'open_file /etc/shadow'
	try read_secret 20 "$REFUSED" "open_file $W/open/secret"
	try read_config 20 "$REFUSED" "open_file $W/empty.conf"
	try read_own_backup 20 "$REFUSED" "open_file $W/repo/db01.img"
	try ask_other_host 20 "$REFUSED" "ask_for $W/repo/db01.img"
	try ask_shadow 20 "$REFUSED" 'ask_for /etc/shadow'
	try ask_up 20 "$REFUSED" "ask_for $W/repo/../open/secret"
	try ask_link 20 "$REFUSED" "ask_for $W/try-ask_link/SHA512SUMS"
	try ask_link_sums 20 "$REFUSED" "ask_for $W/try-ask_link_sums/MD5SUMS"
	try ask_about 20 "$REFUSED" 'ask_about /etc/shadow'
	try ask_names 20 "$REFUSED" 'ask_for_names /root'
	try ask_way 20 "$REFUSED" 'ask_for_way /etc/mtab'
	try write 20 "$REFUSED" "write_file $W/open/secret"
	try make 20 "$REFUSED" "write_file $W/open/new"
	try write_tmp 20 "$REFUSED" "write_file /tmp/backproof-compromised-$$"
	holds "nothing in /tmp" test ! -e "/tmp/backproof-compromised-$$"
	try write_above 20 "$REFUSED" "write_above ../../../open/new"
	try write_link 20 "$REFUSED" "write_through_link $W/open/new"
	try write_held 20 "$REFUSED" 'write_held'
	try remove 20 "$REFUSED" "remove_file $W/open/secret"
	try change 20 "$REFUSED|$DEAD" "change_file $W/open/secret"
	try tcp 20 "$DEAD" "connect_tcp $TCP"
	try udp 20 "$DEAD" "send_udp $UDP"
	try unix 20 "$DEAD" "connect_unix $W/open/socket"
	try connect_held 20 "$DEAD" "connect_held $W/open/socket"
	try exec 20 "$DEAD" 'run_program /bin/true'
	try exec_own 20 "$DEAD" "run_own #!/bin/sh"
	try fork 20 "$DEAD" 'fork_process'
	try clone 20 "$DEAD" 'raw_fork'
	try kill 20 "$DEAD" 'kill_gate'
	try kill_all 20 "$DEAD" 'kill_all'
	try trace 20 "$DEAD" 'trace_gate'
	try memory_of_gate 20 "$REFUSED" 'gate_memory'
	try environment_of_gate 20 "$REFUSED" 'gate_environment'
	try pidfd 20 "$DEAD" 'gate_descriptor'
	try root 20 "$DEAD" 'become_root'
	try namespace 20 "$DEAD" 'new_namespace'
	try limits 20 "$REFUSED" 'raise_limits'
	try code 20 "$REFUSED" 'write_code'
}
