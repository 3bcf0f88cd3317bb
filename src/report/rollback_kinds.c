// SPDX-License-Identifier: GPL-3.0-or-later
/* How each kind of image is brought back, by the tools that there are for it. Capitals are to be filled in. */
#include "rollback_steps.h"
#include "shell.h"

#define DISK_IS "DISK is the disk to write to, all of which is lost; a partition where the image is of one"

/* Decompressors; where the name does not say so, some want to be given bytes and no name. */
static const char *decoder(const struct format *codec)
{
	static const char *const commands[][2] = {
		{"zstd", "zstd -dc"}, {"gzip", "gzip -dc"},   {"xz", "xz -dc"},	     {"lz4", "lz4 -dc"},
		{"bzip2", "bzip2 -dc"}, {"lzop", "lzop -dc"}, {"lzip", "lzip -dc"}, {"compress", "gzip -dc"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i][0], codec->name))
			return commands[i][1];
	return NULL;
}

/* What gives the image's own bytes on standard output. */
static void put_reader(struct text *out, const struct unit *u)
{
	bool cat = u->files.count > 1 || !u->codecs;
	if (cat) {
		text_put(out, "cat");
		for (size_t i = 0; i < u->files.count; i++) {
			text_put(out, " ");
			shell_put(out, u->files.items[i]);
		}
	}
	for (size_t i = 0; i < u->codecs; i++) {
		const char *command = decoder(u->codec[i]);
		text_put(out, cat || i ? " | " : "");
		text_put(out, command ? command : "DECODER");
		if (cat || i)
			continue;
		text_put(out, u->named ? " " : " < ");
		shell_put(out, u->name);
	}
}

static bool is_plain_file(const struct unit *u)
{
	return u->files.count == 1 && !u->codecs;
}

/* Without it a shell takes half an image for a whole one. */
static int say_pipe(struct rollback_step *s)
{
	autotext struct text t = {0};
	text_put(&t, "set -o pipefail");
	return step_run(s, &t);
}

static int raw(struct rollback_step *s, const struct unit *u, const char *disk)
{
	autotext struct text t = {0};
	if (step_say(s, strdup(DISK_IS)) < 0 || (!is_plain_file(u) && say_pipe(s) < 0))
		return -1;
	if (is_plain_file(u)) {
		text_put(&t, "dd if=");
		shell_put(&t, u->name);
		text_put(&t, " ");
	} else {
		put_reader(&t, u);
		text_put(&t, " | dd ");
	}
	text_printf(&t, "of=/dev/%s bs=4M conv=fsync,nocreat", disk);
	return step_run(s, &t);
}

/* The file itself, or where it has been unpacked to. */
static int plain_file(struct rollback_step *s, const struct unit *u, struct text *name)
{
	autotext struct text t = {0};
	if (!u->codecs && u->kind == UNIT_DISK) { /* of several files: all but the first are found by its reader */
		shell_put(name, u->name);
		return 0;
	}
	if (is_plain_file(u)) {
		shell_put(name, u->name);
		return 0;
	}
	text_printf(name, "/SPACE/restore.%s", u->format ? u->format->name : "img");
	if (step_say(s, strdup("SPACE is a directory with room for the unpacked image")) < 0 || say_pipe(s) < 0)
		return -1;
	put_reader(&t, u);
	text_printf(&t, " > %s", text_str(name));
	return step_run(s, &t);
}

static int virtual_disk(struct rollback_step *s, const struct unit *u, const char *disk)
{
	autotext struct text t = {0}, name = {0};
	const char *format = !strcmp(u->format->name, "vhd") ? "vpc" : u->format->name;
	if (plain_file(s, u, &name) < 0)
		return -1;
	if (!strcmp(format, "qcow2") || !strcmp(format, "vhdx")) {
		if (step_say(s, strdup("Of a chain only the topmost is converted; this shows it:")) < 0)
			return -1;
		text_printf(&t, "qemu-img info --backing-chain -f %s %s", format, text_str(&name));
		if (step_run(s, &t) < 0)
			return -1;
	}
	if (step_say(s, strdup("On to a disk (" DISK_IS "):")) < 0)
		return -1;
	text_printf(&t, "qemu-img convert -p -n -f %s -O raw %s /dev/%s", format, text_str(&name), disk);
	if (step_run(s, &t) < 0 ||
	    step_say(s, strdup("Or to be the disk of a virtual machine (then: virsh edit, or virt-install --import): a "
			       "copy, never the backup itself:")) < 0)
		return -1;
	text_printf(&t, "qemu-img convert -p -f %s -O qcow2 %s /SPACE/%s.qcow2", format, text_str(&name), disk);
	return step_run(s, &t);
}

static int appliance(struct rollback_step *s, const struct unit *u)
{
	autotext struct text t = {0};
	if (step_say(s, strdup("Import it where it ran (VBoxManage import, ovftool, virt-v2v -i ova), or take the "
			       "disks out and convert each:")) < 0)
		return -1;
	if (is_plain_file(u)) {
		text_put(&t, "tar -x -C /SPACE -f ");
		shell_put(&t, u->name);
	} else {
		put_reader(&t, u);
		text_put(&t, " | tar -x -C /SPACE -f -");
	}
	if (step_run(s, &t) < 0)
		return -1;
	text_put(&t, "qemu-img convert -p -n -f vmdk -O raw /SPACE/NAME.vmdk /dev/DISK");
	return step_run(s, &t);
}

static int proxmox(struct rollback_step *s, const struct unit *u)
{
	autotext struct text t = {0};
	if (step_say(s, strdup("On a Proxmox host; VMID is one that is free, or the machine's own, whose disks are "
			       "then replaced (--force):")) < 0)
		return -1;
	if (u->files.count == 1 && (u->named || !u->codecs)) {
		text_put(&t, "qmrestore ");
		shell_put(&t, u->name);
		text_put(&t, " VMID");
	} else {
		if (say_pipe(s) < 0)
			return -1;
		put_reader(&t, u);
		text_put(&t, " | qmrestore - VMID");
	}
	return step_run(s, &t);
}

static int archive(struct rollback_step *s, const struct unit *u)
{
	autotext struct text t = {0};
	bool cpio = u->kind == UNIT_CPIO;
	if (step_say(s, strdup("From a rescue system: make partitions and file systems as they were (etc/fstab in the "
			       "archive tells), and mount them below /mnt/restore:")) < 0 ||
	    (!is_plain_file(u) && say_pipe(s) < 0))
		return -1;
	text_put(&t, "mountpoint /mnt/restore");
	if (step_run(s, &t) < 0)
		return -1;
	put_reader(&t, u);
	text_put(&t, cpio ? " | (cd /mnt/restore && cpio -idmu --no-absolute-filenames)"
			  : " | tar -x --numeric-owner --xattrs --xattrs-include='*' --acls --selinux -p -f - "
			    "-C /mnt/restore");
	if (step_run(s, &t) < 0 ||
	    step_say(s, strdup("A container of Proxmox instead: pct restore CTID and the archive. A whole machine "
			       "needs its boot loader, and /etc/fstab the UUIDs of the new file systems:")) < 0)
		return -1;
	text_put(&t, "for d in dev proc sys; do mount --rbind /$d /mnt/restore/$d; done");
	if (step_run(s, &t) < 0)
		return -1;
	text_put(&t, "chroot /mnt/restore sh -c 'grub-install /dev/DISK && update-grub'");
	return step_run(s, &t);
}

static int partition(struct rollback_step *s, const struct unit *u)
{
	autotext struct text t = {0};
	if (step_say(s, strdup("On to the partition, which has to be there and be no smaller:")) < 0 ||
	    (!is_plain_file(u) && say_pipe(s) < 0))
		return -1;
	if (is_plain_file(u)) {
		text_put(&t, "partclone.restore -s ");
		shell_put(&t, u->name);
	} else {
		put_reader(&t, u);
		text_put(&t, " | partclone.restore -s -");
	}
	text_put(&t, " -o /dev/PARTITION");
	return step_run(s, &t);
}

static int clonezilla(struct rollback_step *s, const struct unit *u)
{
	autotext struct text t = {0};
	autofree char *directory = path_directory(u->name);
	if (!directory ||
	    step_say(s, strdup("From Clonezilla live, with the directory above it mounted at /home/partimag; DISK is "
			       "as sda, and all of it is lost:")) < 0)
		return -1;
	text_put(&t, "ocs-sr -g auto -e1 auto -e2 -r -j2 -c -p true restoredisk ");
	shell_put(&t, path_base(directory));
	text_put(&t, " DISK");
	return step_run(s, &t);
}

static int evidence(struct rollback_step *s, const struct unit *u, const char *disk)
{
	autotext struct text t = {0};
	if (step_say(s, strdup("Its segments are found beside the first. " DISK_IS)) < 0 || say_pipe(s) < 0)
		return -1;
	text_put(&t, "ewfexport -q -u -f raw -t - ");
	shell_put(&t, u->name);
	text_printf(&t, " | dd of=/dev/%s bs=4M conv=fsync,nocreat", disk);
	return step_run(s, &t);
}

static int windows(struct rollback_step *s, const struct unit *u)
{
	autotext struct text t = {0};
	if (step_say(s, strdup("INDEX is the image inside, as listed; the partition is made and formatted with NTFS "
			       "before:")) < 0)
		return -1;
	text_put(&t, "wiminfo ");
	shell_put(&t, u->name);
	if (step_run(s, &t) < 0)
		return -1;
	text_put(&t, "wimapply ");
	shell_put(&t, u->name);
	text_put(&t, " INDEX /dev/PARTITION");
	for (size_t i = 1; i < u->files.count; i++) {
		text_put(&t, " --ref=");
		shell_put(&t, u->files.items[i]);
	}
	if (step_run(s, &t) < 0)
		return -1;
	return step_say(s, strdup("The boot loader is made from a Windows rescue system: bcdboot C:\\Windows"));
}

int step_unit(struct rollback *r, const struct unit *u, size_t number, size_t disks)
{
	char disk[32];
	autotext struct text t = {0};
	struct rollback_step *s;
	snprintf(disk, sizeof disk, disks > 1 ? "DISK%zu" : "DISK", number);
	if (u->kind == UNIT_NOTE)
		return 0;
	s = step_new(r, "Restore");
	if (!s || step_say(s, text_format("%s%s", u->kind == UNIT_CLONEZILLA ? "the directory of " : "", u->name)) < 0)
		return -1;
	switch (u->kind) {
	case UNIT_RAW:
		return raw(s, u, disk);
	case UNIT_DISK:
		return virtual_disk(s, u, disk);
	case UNIT_OVA:
		return appliance(s, u);
	case UNIT_VMA:
		return proxmox(s, u);
	case UNIT_TAR:
	case UNIT_CPIO:
		return archive(s, u);
	case UNIT_PARTCLONE:
		return partition(s, u);
	case UNIT_CLONEZILLA:
		return clonezilla(s, u);
	case UNIT_EWF:
		return evidence(s, u, disk);
	case UNIT_WIM:
		return windows(s, u);
	default:
		break;
	}
	if (u->kind == UNIT_OTHER)
		return step_say(s, text_format("It is restored by the program that made it: %s",
					       u->format->product ? u->format->product : u->format->name));
	if (step_say(s, strdup("Its name does not tell which of the formats of this backup it has; this does:")) < 0)
		return -1;
	text_put(&t, "backproof inspect ");
	shell_put(&t, u->name);
	return step_run(s, &t);
}
