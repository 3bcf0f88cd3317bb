// SPDX-License-Identifier: GPL-3.0-or-later
/* Which volume an fstab line means, and the merged tree that follows from it. */
#include <ctype.h>
#include <strings.h>

#include "backproof/text.h"
#include "parts.h"

/* udev writes odd characters in link names as \xNN. */
static void unescape_udev(char *s)
{
	char *to = s;
	for (; *s; s++) {
		unsigned v;
		if (s[0] == '\\' && s[1] == 'x' && isxdigit((unsigned char)s[2]) &&
		    isxdigit((unsigned char)s[3]) && sscanf(s + 2, "%2x", &v) == 1) {
			*to++ = (char)v;
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = 0;
}

enum spec_kind { SPEC_UUID, SPEC_LABEL, SPEC_PARTUUID, SPEC_PARTLABEL, SPEC_DEVICE };

static enum spec_kind split_spec(const char *spec, const char **value)
{
	static const struct {
		const char *prefix;
		enum spec_kind kind;
	} forms[] = {
		{"UUID=", SPEC_UUID},
		{"LABEL=", SPEC_LABEL},
		{"PARTUUID=", SPEC_PARTUUID},
		{"PARTLABEL=", SPEC_PARTLABEL},
		{"/dev/disk/by-uuid/", SPEC_UUID},
		{"/dev/disk/by-label/", SPEC_LABEL},
		{"/dev/disk/by-partuuid/", SPEC_PARTUUID},
		{"/dev/disk/by-partlabel/", SPEC_PARTLABEL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		size_t n = strlen(forms[i].prefix);
		if (!strncmp(spec, forms[i].prefix, n)) {
			*value = spec + n;
			return forms[i].kind;
		}
	}
	*value = spec;
	return SPEC_DEVICE;
}

/* "/dev/sda2", "/dev/nvme0n1p2" -> disk "sda", "nvme0n1" and number; -1 for another kind of name. */
static int split_device(const char *path, char disk[32], unsigned *number)
{
	if (strncmp(path, "/dev/", 5) || strchr(path + 5, '/'))
		return -1;
	const char *name = path + 5;
	size_t n = strlen(name), d = n;
	while (d && isdigit((unsigned char)name[d - 1]))
		d--;
	bool digits = d < n;
	if (digits && d > 1 && name[d - 1] == 'p' && isdigit((unsigned char)name[d - 2])) {
		*number = (unsigned)strtoul(name + d, NULL, 10);
		d--; /* nvme0n1p2, mmcblk0p1 */
	} else if (digits && (!strncmp(name, "nvme", 4) || !strncmp(name, "mmcblk", 6))) {
		*number = 0;
		d = n;
	} else {
		*number = digits ? (unsigned)strtoul(name + d, NULL, 10) : 0;
	}
	if (d >= 32 || !d)
		return -1;
	memcpy(disk, name, d);
	disk[d] = 0;
	return strncmp(disk, "dm-", 3) && strncmp(disk, "md", 2) ? 0 : -1;
}

static bool volume_fits(const struct subject_volume *v, enum spec_kind kind, const char *value)
{
	switch (kind) {
	case SPEC_UUID:
		return !strcasecmp(v->volume->content.uuid, value);
	case SPEC_LABEL:
		return !strcmp(v->volume->content.label, value);
	case SPEC_PARTUUID:
		return !strcasecmp(v->volume->partuuid, value);
	case SPEC_PARTLABEL:
		return !strcmp(v->volume->partlabel, value);
	case SPEC_DEVICE:
		break;
	}
	return false;
}

/* How a name counts disks. SCSI, IDE and virtual disks change their letters' prefix with the hypervisor. */
enum disk_names { DISK_LETTER, DISK_NVME, DISK_MMC, DISK_NUMBER, DISK_OTHER };

/* Which disk in the machine's order a name means: "sdb", "vdb", "drive-scsi1" and "1" are all the second. */
static enum disk_names disk_order(const char *name, size_t *order)
{
	size_t n = strlen(name), d = n;
	bool letters = n == 3 && strchr("svh", name[0]) && name[1] == 'd';
	if ((letters || (n == 4 && !strncmp(name, "xvd", 3))) && name[n - 1] >= 'a' && name[n - 1] <= 'z') {
		*order = (size_t)(name[n - 1] - 'a');
		return DISK_LETTER;
	}
	if (sscanf(name, "nvme%zun1", order) == 1)
		return DISK_NVME;
	if (sscanf(name, "mmcblk%zu", order) == 1)
		return DISK_MMC;
	while (d && isdigit((unsigned char)name[d - 1]))
		d--;
	if ((d && strncmp(name, "drive-", 6)) || sscanf(name + d, "%zu", order) != 1)
		return DISK_OTHER;
	return DISK_NUMBER;
}

/* The disk that a device name means: by the name it was saved under, else by the order. One that is named for
 * another disk never stands for it. */
static struct subject_disk *disk_by_name(struct subject *s, const char *name)
{
	size_t order, named, unnamed = 0;
	vec_each(&s->disks, d) if ((*d)->device && !strcmp((*d)->device, name)) return *d;
	enum disk_names wanted = disk_order(name, &order), kind;
	if (wanted == DISK_OTHER)
		return NULL;
	vec_each(&s->disks, it)
	{
		struct subject_disk *d = *it;
		if (!d->device) {
			if (unnamed++ == order)
				return d;
			continue;
		}
		kind = disk_order(d->device, &named);
		if ((kind == wanted || kind == DISK_NUMBER) && named == order)
			return d;
	}
	return NULL;
}

struct subject_volume *subject_volume_by_spec(struct subject *s, const char *spec)
{
	const char *raw;
	enum spec_kind kind = split_spec(spec, &raw);
	if (kind == SPEC_DEVICE) {
		char disk[32];
		unsigned number;
		vec_each(&s->volumes, v) if (v->disk->assembled && volume_answers_to(v->disk->assembled, spec) &&
					     !v->volume->number)
			return v;
		if (split_device(spec, disk, &number) < 0)
			return NULL;
		struct subject_disk *d = disk_by_name(s, disk);
		vec_each(&s->volumes, v) if (d && v->disk == d && v->volume->number == number) return v;
		return NULL;
	}
	/* Longer than any label or identifier is nobody's. Not allocated: a failure would look like absence. */
	char value[512];
	size_t len = strlen(raw);
	if (!len || len >= sizeof value)
		return NULL;
	memcpy(value, raw, len + 1);
	if (*spec == '/')
		unescape_udev(value);
	vec_each(&s->volumes, v) if (volume_fits(v, kind, value)) return v;
	return NULL;
}

int mounts_assign(struct subject *s)
{
	vec_each(&s->facts.fstab, l)
	{
		if (*l->mount != '/')
			continue;
		struct subject_volume *v = subject_volume_by_spec(s, l->spec);
		if (v && !v->mount && !(v->mount = strdup(l->mount)))
			return -1;
	}
	return 0;
}

/* The volume whose mount point is the longest prefix of path; *rest is what remains. */
static struct subject_volume *mounted_at(struct subject *s, const char *path, const char **rest)
{
	struct subject_volume *best = NULL;
	size_t longest = 0;
	vec_each(&s->volumes, v)
	{
		if (!v->mount || !v->fs)
			continue;
		const char *m = v->mount + 1;
		size_t n = strlen(m);
		while (n && m[n - 1] == '/')
			n--;
		bool inside = !n || (!strncmp(path, m, n) && (path[n] == '/' || !path[n]));
		if (inside && (!best || n >= longest)) {
			best = v;
			longest = n;
		}
	}
	*rest = path + longest;
	while (**rest == '/')
		(*rest)++;
	return best;
}

int subject_lookup(struct subject *s, const char *path, bool follow, struct subject_volume **volume,
		   struct fs_entry *out, struct error *e)
{
	const char *rest;
	while (*path == '/')
		path++;
	*volume = mounted_at(s, path, &rest);
	return *volume ? fs_lookup((*volume)->fs, rest, follow, out, e) : 0;
}

static int tree_read(void *ctx, const char *path, size_t max, char **data, size_t *len,
		     int64_t *mtime, struct error *e)
{
	struct subject_volume *v;
	struct fs_entry entry;
	const char *rest;
	int rc = subject_lookup(ctx, path, true, &v, &entry, e);
	if (rc <= 0 || entry.type != ENTRY_FILE)
		return rc < 0 ? -1 : 0;
	if (mtime)
		*mtime = entry.mtime;
	mounted_at(ctx, path, &rest);
	return fs_read_file(v->fs, rest, max, data, len, e);
}

struct listing {
	struct strings *names;
	size_t skip;
};

static int add_name(void *ctx, const struct fs_entry *entry, struct error *e)
{
	struct listing *l = ctx;
	const char *name = entry->path + l->skip;
	while (*name == '/')
		name++;
	if (!*name || strchr(name, '/'))
		return 0;
	return strings_add(l->names, name) < 0 ? error_nomem(e) : 0;
}

static int tree_list(void *ctx, const char *path, struct strings *names, struct error *e)
{
	struct subject_volume *v;
	struct fs_entry entry;
	const char *rest;
	int rc = subject_lookup(ctx, path, true, &v, &entry, e);
	if (rc <= 0 || entry.type != ENTRY_DIR)
		return rc < 0 ? -1 : 0;
	mounted_at(ctx, path, &rest);
	struct listing l = {names, strlen(rest)};
	return fs_walk(v->fs, rest, NULL, add_name, &l, e) < 0 ? -1 : 1;
}

struct tree_reader subject_tree(struct subject *s)
{
	bool mounted = false;
	vec_each(&s->volumes, v) mounted |= v->mount && v->fs;
	if (!mounted && s->tree)
		return archive_tree_reader(s->tree);
	return (struct tree_reader){s, tree_read, tree_list};
}
