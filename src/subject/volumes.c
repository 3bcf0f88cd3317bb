// SPDX-License-Identifier: GPL-3.0-or-later
/* From a disk to its file systems; everything that is found and can't be read is said. */
#include <strings.h>

#include "backproof/fs_probe.h"
#include "backproof/text.h"
#include "parts.h"

/* XFS has its superblock at 0, ext and F2FS at 1 KiB; others that keep it elsewhere are recognised there. */
#define SUPERBLOCKS (4 * KIB)

#define CLUSTER_MAX (2 * MIB) /* of NTFS */
static const char dynamic[] = "a partition of a dynamic disk (LDM): what volumes lie in it is not read here";

/* Most files lie in one piece. Of a large one, reading on is ahead of the reader by itself. */
#define EXPECTED_EACH (1 * MIB)

static void say(struct findings *f, const char *check, const char *subject, enum outcome outcome,
		enum error_class cls, const char *text)
{
	struct finding_text more = {.error = cls};
	finding_add(f, PROOF_STRUCTURE, check, subject, outcome, &more, "%s", text);
}

/* Names that promise a disk as it is. */
static bool is_raw_name(const char *name)
{
	static const char *const suffixes[] = {".img", ".raw", ".dd", ".bin", ".disk", ".image", ".iso"};
	size_t n = strlen(name), stem = n;
	const struct format *row = format_by_suffix(name, &stem);
	if (row && row->kind == FORMAT_CODEC)
		n = stem;
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		size_t m = strlen(suffixes[i]);
		if (n > m && !strncasecmp(name + n - m, suffixes[i], m))
			return true;
	}
	return false;
}

/* Where a superblock was, nothing is left. */
static bool starts_with_zeros(struct source *volume)
{
	struct error e;
	autofree uint8_t *head = malloc(SUPERBLOCKS);
	return head && source_size(volume) > SUPERBLOCKS &&
	       source_read_at(volume, 0, head, SUPERBLOCKS, &e) == 0 && is_zero(head, SUPERBLOCKS);
}

/* Nothing but zeros where signatures are looked for: is there anything between? Looked at in so many places. */
#define PLACES 4096

static bool holds_data(struct source *volume)
{
	autofree uint8_t *buf = malloc(SUPERBLOCKS);
	uint64_t size = source_size(volume), step = size / PLACES;
	struct extent x;
	struct error e;
	step = step < SUPERBLOCKS ? SUPERBLOCKS : step - step % SUPERBLOCKS;
	for (uint64_t off = 0; buf && off < size; off += x.zero && x.length > step ? x.length : step) {
		size_t n = size - off < SUPERBLOCKS ? (size_t)(size - off) : SUPERBLOCKS;
		/* What can't be read may be anything. */
		if (source_extent_at(volume, off, &x, &e) < 0 || source_read_at(volume, off, buf, n, &e) < 0 ||
		    !is_zero(buf, n))
			return true;
	}
	return !buf;
}

/* Nothing is recognised on a volume: find out whether something was there. */
static void judge_unknown(struct subject_volume *sv, struct findings *f)
{
	const struct volume *v = sv->volume;
	uint64_t where;
	if (v->role == ROLE_EMPTY || v->role == ROLE_BIOS_BOOT)
		return;
	if (v->window && ext_backup_superblock(v->window, &where)) {
		struct finding_text more = {.error = ERROR_CORRUPT};
		finding_add(f, PROOF_STRUCTURE, "volume.superblock", sv->name, OUTCOME_BROKEN, &more,
			    "no superblock at its start, but an ext backup superblock at offset %llu: "
			    "the start of the file system is gone",
			    (unsigned long long)where);
		return;
	}
	/* A logical volume that nobody formatted is like a partition. */
	if (v->number == 0 && !sv->disk->assembled) {
		const struct part *pt = sv->disk->part;
		const char *name = pt && !pt->image.format ? pt->name : "";
		if (v->content.all_zero)
			say(f, "disk.content", sv->name, OUTCOME_BROKEN, ERROR_CORRUPT,
			    "nothing but zeros where a partition table or file system should be");
		else if (is_raw_name(name))
			say(f, "disk.content", sv->name, OUTCOME_BROKEN, ERROR_CORRUPT,
			    "a disk image by its name, but there is no partition table and no file system in it");
		else
			say(f, "disk.content", sv->name, OUTCOME_UNSUPPORTED, ERROR_UNSUPPORTED,
			    "neither a partition table, a file system nor a known format");
		return;
	}
	if (v->role == ROLE_ESP)
		say(f, "volume.content", sv->name, OUTCOME_BROKEN, ERROR_CORRUPT,
		    "an EFI system partition without a FAT file system");
	else if (v->role != ROLE_SWAP && v->content.all_zero && holds_data(v->window))
		say(f, "volume.content", sv->name, OUTCOME_UNPROVEN, ERROR_UNSUPPORTED,
		    "zeros at both ends of this partition, where a file system would begin, and data between");
	else if (v->role == ROLE_SWAP || v->content.all_zero)
		say(f, "volume.content", sv->name, OUTCOME_SKIPPED, ERROR_NONE,
		    v->role == ROLE_SWAP ? "swap without a signature" : "empty: no file system was made on it");
	else if (v->role == ROLE_LINUX && starts_with_zeros(v->window))
		say(f, "volume.content", sv->name, OUTCOME_BROKEN, ERROR_CORRUPT,
		    "a Linux partition with data on it, but its start, where the superblock belongs, is all zeros");
	else if (v->role == ROLE_RESERVED)
		say(f, "volume.content", sv->name, OUTCOME_SKIPPED, ERROR_NONE,
		    "a partition of a kind that holds no file system of ours");
	else if (v->role == ROLE_DYNAMIC)
		say(f, "volume.dynamic", sv->name, OUTCOME_UNSUPPORTED, ERROR_UNSUPPORTED, dynamic);
	else
		say(f, "volume.content", sv->name, OUTCOME_UNPROVEN, ERROR_UNSUPPORTED,
		    "something is on this partition that is not recognised");
}

/*
 * The partition of a dynamic disk may begin with a volume and hold others behind it, which its database names. It is
 * that volume alone where a file system fills it, but for what is left of a cluster.
 */
static void judge_dynamic(const struct subject_volume *sv, struct findings *f)
{
	uint64_t have = source_size(sv->volume->window), size = sv->fs ? fs_info(sv->fs)->size : 0;
	if (sv->volume->role == ROLE_DYNAMIC && (size > have || have - size > CLUSTER_MAX))
		say(f, "volume.dynamic", sv->name, OUTCOME_UNSUPPORTED, ERROR_UNSUPPORTED, dynamic);
}

static bool is_encrypted(const char *type)
{
	return !strcasecmp(type, "crypto_LUKS") || !strcasecmp(type, "BitLocker") ||
	       strstr(type, "crypt");
}

static void judge_content(struct subject_volume *sv, struct findings *f)
{
	const struct content *c = &sv->volume->content;
	char buf[160];
	struct error e;
	if (!sv->volume->window)
		return; /* out of the disk: already a finding */
	if (c->ambivalent) {
		say(f, "volume.content", sv->name, OUTCOME_UNPROVEN, ERROR_AMBIGUOUS,
		    "signatures of several file systems: it is not clear which one counts");
		return;
	}
	if (!*c->type) {
		judge_unknown(sv, f);
		return;
	}
	if (!strcmp(c->type, "swap") || !strcmp(c->type, "swsuspend"))
		return;
	/* Whether it is needed the file system says that it belongs to. */
	if (!strcmp(c->type, "jbd")) {
		say(f, "volume.content", sv->name, OUTCOME_SKIPPED, ERROR_NONE, "the journal of another file system");
		return;
	}
	sv->needed = true;
	if (is_encrypted(c->type)) {
		snprintf(buf, sizeof buf, "encrypted (%s): its content can't be looked at without a key", c->type);
		say(f, "volume.content", sv->name, OUTCOME_UNSUPPORTED, ERROR_ENCRYPTED, buf);
		return;
	}
	if (is_group_member(sv->volume))
		return; /* what it is a part of is put together when all disks are known */
	if (!fs_for_type(c->type)) {
		snprintf(buf, sizeof buf, "%s: this build has no reader for it", c->type);
		say(f, "volume.content", sv->name, OUTCOME_UNSUPPORTED, ERROR_UNSUPPORTED, buf);
		return;
	}
	sv->fs = fs_open(c->type, sv->volume->window, sv->name, f, &e);
	if (!sv->fs && e.cls == ERROR_MISSING && (sv->apart = malloc(sizeof e)))
		*sv->apart = e;
	else if (!sv->fs)
		finding_error(f, PROOF_STRUCTURE, "fs.open", sv->name, &e);
	judge_dynamic(sv, f);
}

void volumes_settle(struct subject *s, struct findings *f)
{
	vec_each(&s->volumes, v)
	{
		const struct content *c = &v->volume->content;
		size_t here = 0;
		if (!v->apart)
			continue;
		vec_each(&s->volumes, o) here += !strcmp(o->volume->content.type, c->type) &&
						 !strcmp(o->volume->content.uuid, c->uuid);
		if (here > 1) {
			v->apart->cls = ERROR_UNSUPPORTED;
			(void)!error_prefix(v->apart, "each of its %zu devices that are here is read alone", here);
		}
		finding_error(f, PROOF_STRUCTURE, "fs.open", v->name, v->apart);
		free(v->apart);
		v->apart = NULL;
	}
}

/* The first sector loads what follows from the BIOS boot partition, where there is one: it takes both. */
static bool has_boot_code(const struct disk_layout *d)
{
	bool wanted = false, there = false;
	uint8_t head[512];
	struct error e;
	for (size_t i = 0; i < d->count; i++) {
		const struct volume *v = &d->items[i];
		if (v->role != ROLE_BIOS_BOOT)
			continue;
		wanted = true;
		there |= v->window && source_size(v->window) >= sizeof head &&
			 source_read_at(v->window, 0, head, sizeof head, &e) == 0 && !is_zero(head, sizeof head);
	}
	return d->table != TABLE_NONE && d->boot_code && (there || !wanted);
}

/* What the formats of the part it is in are called in reports. */
static int note_format(struct subject_disk *d, const char *name, struct error *e)
{
	return d->part && !strings_has(&d->part->formats, name) ? part_add_format(d->part, name, e) : 0;
}

static int open_volumes(struct subject *s, struct subject_disk *d, struct findings *f, struct error *e)
{
	struct error why = {0};
	bool rounded = !d->part || d->part->image.format;
	if (disk_scan_rounded(d->source, d->name, rounded, &d->layout, f, &why) < 0) {
		if (why.cls == ERROR_INTERNAL) {
			*e = why;
			return -1;
		}
		finding_error(f, PROOF_STRUCTURE, "disk.scan", d->name, &why);
		d->unread = why.cls != ERROR_CORRUPT;
		return 0;
	}
	if (d->layout.table != TABLE_NONE && note_format(d, d->layout.table == TABLE_GPT ? "gpt" : "mbr", e) < 0)
		return -1;
	if (!d->layout.count)
		say(f, "disk.volumes", d->name, OUTCOME_BROKEN, ERROR_CORRUPT,
		    "the partition table is empty: there is nothing to restore");
	s->facts.boot_code |= has_boot_code(&d->layout);
	for (size_t i = 0; i < d->layout.count; i++) {
		struct volume *v = &d->layout.items[i];
		struct subject_volume *sv = vec_push(&s->volumes);
		if (!sv)
			return error_nomem(e);
		sv->disk = d;
		sv->volume = v;
		sv->name = v->number ? text_format("%s:%u", d->name, v->number) : strdup(d->name);
		if (!sv->name)
			return error_nomem(e);
		judge_content(sv, f);
		if (*v->content.type && note_format(d, v->content.type, e) < 0)
			return -1;
	}
	return 0;
}

int disk_open(struct opener *o, struct part *pt, const char *name, const char *device, struct source *source,
	      const struct assembled_volume *assembled, struct error *e)
{
	struct subject_disk **slot = vec_push(&o->s->disks), *d = slot ? calloc(1, sizeof *d) : NULL;
	if (!d) {
		o->s->disks.count -= slot != NULL;
		return error_nomem(e);
	}
	*slot = d;
	d->part = pt;
	d->source = source;
	d->assembled = assembled;
	d->name = strdup(name);
	d->device = device ? strdup(device) : NULL;
	if (!d->name || (device && !d->device))
		return error_nomem(e);
	return open_volumes(o->s, d, o->f, e);
}

void subject_expect(const struct subject_volume *v, uint64_t place, uint64_t size)
{
	if (v->volume && v->volume->window && place)
		source_expect(v->volume->window, place, size < EXPECTED_EACH ? size : EXPECTED_EACH);
}

struct fs *subject_reopen_whole(const struct subject_volume *v, struct findings *f, struct error *e)
{
	struct findings opened;
	struct fs *shared = v->fs && !v->subvolume ? fs_share(v->fs) : NULL;
	if (shared)
		return shared;
	if (findings_init(&opened) < 0) {
		error_nomem(e);
		return NULL;
	}
	struct fs *fs = fs_open(v->volume->content.type, v->volume->window, v->alias ? "" : v->name, &opened, e);
	if (!v->alias)
		findings_add_news(f, &opened);
	findings_free(&opened);
	return fs;
}

struct fs *subject_reopen(const struct subject_volume *v, struct findings *f, struct error *e)
{
	autodestroy(fs_destroy_auto) struct fs *whole = subject_reopen_whole(v, f, e);
	if (!whole || !v->subvolume)
		return take(whole);
	return fs_open_subvolume(whole, *v->subvolume || !v->subvolume_id ? v->subvolume : NULL, v->subvolume_id, e);
}
