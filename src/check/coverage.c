// SPDX-License-Identifier: GPL-3.0-or-later
/* Everything the machine needs to come back is in the restore point: its volumes, and what boots it. */
#include <strings.h>

#include "backproof/text.h"
#include "rows.h"
#include "sealed.h"

static bool one_of(const char *word, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(word, *list))
			return true;
	return false;
}

static bool has_option(const char *options, const char *name)
{
	size_t n = strlen(name);
	for (const char *p = options; p && *p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
		if (!strncmp(p, name, n) && (!p[n] || p[n] == ',' || p[n] == '='))
			return true;
	return false;
}

/* A file system on a disk, or a pool of disks: whatever it is called by, it is the machine's. */
static bool is_disk_type(const char *type)
{
	static const char *const others[] = {"auto", "zfs",	  "bcachefs", "f2fs",
					     "jfs",  "ntfs3", "ntfs-3g",  "reiserfs", NULL};
	return fs_for_type(type) || one_of(type, others);
}

/* noauto, but for a file system that is mounted as soon as somebody looks there. */
static bool is_left_out(const char *options)
{
	return has_option(options, "noauto") && !has_option(options, "x-systemd.automount") &&
	       !has_option(options, "comment=systemd.automount");
}

static bool names_device(const char *spec)
{
	static const char *const starts[] = {"/dev/", "UUID=", "LABEL=", "PARTUUID=", "PARTLABEL=", "ID="};
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		if (!strncmp(spec, starts[i], strlen(starts[i])))
			return true;
	return false;
}

/* Lines that name no volume of the machine itself. */
static bool is_elsewhere(const struct fstab_line *l)
{
	static const char *const types[] = {
		"swap", "nfs", "nfs4", "cifs", "smbfs", "smb3", "ncpfs", "afs", "ceph", "9p",
		"virtiofs", "glusterfs", "lustre", "davfs", "sshfs", "fuse.sshfs", "tmpfs",
		"ramfs", "proc", "sysfs", "devpts", "devtmpfs", "cgroup", "cgroup2", "debugfs",
		"tracefs", "securityfs", "efivarfs", "configfs", "overlay", "aufs", "autofs",
		"mqueue", "hugetlbfs", "usbfs", "binfmt_misc", "rpc_pipefs", "none", "curlftpfs",
		"ocfs2", "gfs2", "bpf", "iso9660", "udf", "squashfs", "pstore", "fusectl", NULL,
	};
	static const char *const options[] = {"bind", "rbind", "_netdev", "loop", NULL};
	/* Removable, in memory, or lost with every stop of the machine (the local disk of a cloud's host). */
	static const char *const devices[] = {
		"/dev/sr", "/dev/cdrom", "/dev/fd", "/dev/loop", "/dev/zram", "/dev/ram",
		"/dev/disk/cloud/azure_resource", "/dev/disk/azure/resource", NULL,
	};
	/* A block device is local whatever its path looks like (by-path names hold colons), and whatever program
	 * mounts it (fuse.ntfs-3g). */
	bool device = names_device(l->spec);
	if (*l->mount != '/' || one_of(l->type, types) || (!device && !strncmp(l->type, "fuse.", 5)))
		return true;
	for (size_t i = 0; options[i]; i++)
		if (has_option(l->options, options[i]))
			return true;
	for (size_t i = 0; devices[i]; i++)
		if (!strncmp(l->spec, devices[i], strlen(devices[i])))
			return true;
	/* What is no device, path or host is a name that only its type knows: a share, a bucket, or nothing at all. */
	return is_left_out(l->options) ||
	       (!device && (*l->spec == '/' || strchr(l->spec, ':') || !is_disk_type(l->type)));
}

/* Something on the disks can't be looked into, and might hold what is not found elsewhere. */
static bool has_closed_volume(const struct subject *s)
{
	for (size_t i = 0; i < s->volumes.count; i++)
		if (s->volumes.items[i].needed && !s->volumes.items[i].fs && !s->volumes.items[i].member)
			return true;
	vec_each(&s->disks, d) if ((*d)->unread) return true;
	for (size_t i = 0; i < s->part_count; i++)
		if (s->parts[i].kind == PART_UNKNOWN)
			return true;
	return false;
}

/*
 * Names by serial number or by slot can't be told from an image. For the root they need not: it is where the
 * fstab was found, unless the partition's number says otherwise.
 */
static struct subject_volume *root_by_hardware(struct subject *s, const struct fstab_line *l)
{
	const char *number = strstr(l->spec, "-part");
	if (strcmp(l->mount, "/") || (strncmp(l->spec, "/dev/disk/by-id/", 16) && strncmp(l->spec, "ID=", 3) &&
				      strncmp(l->spec, "/dev/disk/by-path/", 18) && strcmp(l->spec, "/dev/root")))
		return NULL;
	vec_each(&s->volumes, v) if (v->mount && !strcmp(v->mount, "/") &&
				     (!number || strtoul(number + 5, NULL, 10) == v->volume->number))
		return v;
	return NULL;
}

static bool is_mounted(const struct subject *s, const char *mount)
{
	for (size_t i = 0; i < s->volumes.count; i++)
		if (s->volumes.items[i].fs && s->volumes.items[i].mount && !strcmp(s->volumes.items[i].mount, mount))
			return true;
	return false;
}

/* Where the machine says that it mounts it. */
static const char *said_by(const struct fstab_line *l, char buf[40])
{
	snprintf(buf, 40, l->line ? "line %u of its fstab" : "its mount unit", l->line);
	return buf;
}

static void check_line(struct subject *s, const struct fstab_line *l, struct findings *f)
{
	bool has_disk = s->volumes.count > 0;
	struct subject_volume *v = has_disk ? subject_volume_by_spec(s, l->spec) : NULL;
	const char *root = s->facts.root;
	struct finding_text more = {.expected = l->spec};
	char from[40];
	if (!v && has_disk)
		v = root_by_hardware(s, l);
	if (v && !*v->volume->content.type) {
		finding_add(f, PROOF_COVERAGE, "coverage.fstab", v->name, OUTCOME_BROKEN, &more,
			    "%s (%s) is there, but no file system is on it", l->mount, l->spec);
		return;
	}
	if (v && v->fs && subvolume_is_named(l) && !is_mounted(s, l->mount)) {
		finding_add(f, PROOF_COVERAGE, "coverage.fstab", v->name, OUTCOME_BROKEN, &more,
			    "%s (%s, %s) is not in it: there is no such subvolume", l->mount, l->spec, l->options);
		return;
	}
	if (v) {
		finding_add(f, PROOF_COVERAGE, "coverage.fstab", v->name, OUTCOME_HELD, &more, "%s is %s",
			    l->mount, l->spec);
		return;
	}
	const char *directory = l->mount + strspn(l->mount, "/");
	if (s->archive && (!*directory || subject_archive_holds(s, directory))) {
		finding_add(f, PROOF_COVERAGE, "coverage.fstab", root, OUTCOME_HELD, &more,
			    "%s is in the archive", l->mount);
		return;
	}
	/* Names that only device mapper or md can explain, when some volume is closed to us. */
	bool mapped = !strncmp(l->spec, "/dev/", 5) || has_closed_volume(s);
	if (mapped && has_closed_volume(s))
		finding_add(f, PROOF_COVERAGE, "coverage.fstab", root, OUTCOME_UNPROVEN, &more,
			    "%s (%s, %s) may be inside a volume that can't be looked into", l->mount, l->spec,
			    said_by(l, from));
	else
		finding_add(f, PROOF_COVERAGE, "coverage.fstab", root, OUTCOME_BROKEN, &more,
			    "%s (%s, %s) is not in the restore point", l->mount, l->spec, said_by(l, from));
}

bool coverage_in_wim(const struct subject *s)
{
	vec_each(&s->volumes, v) if (v->mount && !strcmp(v->mount, "/"))
		return !strcmp(v->volume->content.type, "wim");
	return false;
}

static bool is_partitioned(const struct subject *s)
{
	for (size_t i = 0; i < s->disks.count; i++)
		if (s->disks.items[i]->layout.table != TABLE_NONE)
			return true;
	return false;
}

static void want(struct findings *f, const struct subject *s, const char *check, const char *found,
		 const char *what)
{
	if (found) {
		finding_add(f, PROOF_COVERAGE, check, s->facts.root, OUTCOME_HELD, NULL, "%s: %s", what, found);
		return;
	}
	bool closed = has_closed_volume(s), unread = s->facts.incomplete;
	finding_add(f, PROOF_COVERAGE, check, s->facts.root, closed || unread ? OUTCOME_UNPROVEN : OUTCOME_BROKEN, NULL,
		    unread   ? "no %s was seen; not all places where it could be were read"
		    : closed ? "no %s was seen; it may be on a volume that can't be looked into"
			     : "no %s in the restore point (policy: boot = no, if the host boots from elsewhere)",
		    what);
}

/*
 * A machine boots by itself: it has a partition table, or a kernel. A container has neither, and the
 * image of a single file system has no place for a boot loader unless it brings a kernel along.
 */
static void check_boot(struct subject *s, const struct check_parameters *p, struct findings *f)
{
	const struct facts *x = &s->facts;
	bool disks = s->volumes.count > 0;
	/* Its packages know of a kernel even where /boot was left out. */
	bool machine = x->kernel || s->vouched.kernel_missing || (disks && is_partitioned(s));
	if (p->policy->boot == BOOT_NO || (p->policy->boot == BOOT_AUTO && !machine)) {
		finding_add(f, PROOF_COVERAGE, "coverage.boot", x->root, OUTCOME_SKIPPED, NULL,
			    p->policy->boot == BOOT_NO ? "boot parts are not asked for by policy"
						       : "no kernel, no partition table: a container");
		return;
	}
	want(f, s, "coverage.kernel", x->kernel, "kernel");
	if (!x->unified && facts_boots_without_initramfs(x))
		finding_add(f, PROOF_COVERAGE, "coverage.initramfs", x->root, OUTCOME_SKIPPED, NULL,
			    "its boot loader starts kernels without an initramfs");
	else
		want(f, s, "coverage.initramfs", x->initramfs ? x->initramfs : x->unified ? x->kernel : NULL,
		     "initramfs");
	if (disks && !coverage_in_wim(s))
		want(f, s, "coverage.loader",
		     x->efi ? x->efi : x->boot_code ? "boot code" : x->firmware, "boot loader");
	else
		finding_add(f, PROOF_COVERAGE, "coverage.loader", x->root, OUTCOME_SKIPPED, NULL,
			    "an archive holds no boot sector: the loader is installed anew after a restore");
}

/* ZFS mounts its file systems by itself: no line of the fstab names a disk of them. */
static void check_pools(const struct subject *s, const struct policy *policy, struct findings *f)
{
	bool closed = has_closed_volume(s);
	if (!s->facts.zfs_pools || !s->volumes.count)
		return;
	if (strings_has(&policy->exclude, "zfs"))
		finding_add(f, PROOF_COVERAGE, "coverage.zfs", s->facts.root, OUTCOME_SKIPPED, NULL,
			    "its ZFS pools are left out by policy");
	else
		finding_add(f, PROOF_COVERAGE, "coverage.zfs", s->facts.root,
			    closed ? OUTCOME_UNPROVEN : OUTCOME_BROKEN, NULL,
			    closed ? "it has ZFS pools (/etc/zfs/zpool.cache): whether all of them are in the restore "
				     "point can't be told (policy: exclude = zfs, if they need not be)"
				   : "it has ZFS pools (/etc/zfs/zpool.cache), and none is in the restore point "
				     "(policy: exclude = zfs, if they need not be)");
}

static void run(struct subject *s, const struct check_parameters *p, struct findings *f)
{
	const struct facts *x = &s->facts;
	sealed_coverage(s, f);
	if (!x->root_found) {
		finding_add(f, PROOF_COVERAGE, "coverage.root", s->point->label, OUTCOME_UNPROVEN, NULL,
			    "no system was found inside: what belongs to it is not known");
		return;
	}
	finding_add(f, PROOF_COVERAGE, "coverage.root", x->root, OUTCOME_HELD, NULL, "root of %s",
		    x->system ? x->system : "a system");
	if (x->windows) {
		coverage_windows(s, p, f);
		return;
	}
	if (!x->fstab_found && is_partitioned(s))
		finding_add(f, PROOF_COVERAGE, "coverage.fstab", x->root, OUTCOME_UNPROVEN, NULL,
			    "it has no /etc/fstab: which volumes belong to it is not known "
			    "(a host that needs none says so by an empty one)");
	vec_each(&x->fstab, l)
	{
		if (strings_has(&p->policy->exclude, l->mount))
			finding_add(f, PROOF_COVERAGE, "coverage.fstab", x->root, OUTCOME_SKIPPED, NULL,
				    "%s (%s) is left out by policy", l->mount, l->spec);
		else if (!is_elsewhere(l))
			check_line(s, l, f);
	}
	check_pools(s, p->policy, f);
	check_boot(s, p, f);
	if (p->live)
		coverage_live(s, p->live, f);
	size_t lines = 0;
	vec_each(&x->fstab, l) lines += !is_elsewhere(l);
	finding_add(f, PROOF_COVERAGE, "coverage.summary", x->root, OUTCOME_SKIPPED, NULL,
		    "%zu %s that the fstab inside names%s%s%s", lines, lines == 1 ? "volume" : "volumes",
		    x->kernel ? ", kernel" : "", x->initramfs || x->unified ? ", initramfs" : "",
		    x->efi || x->boot_code || x->firmware ? ", boot loader" : "");
}

const struct check check_coverage = {
	"coverage", PROOF_COVERAGE,
	"Every volume that the fstab inside names is there, and kernel, initramfs and boot loader.", run};
