// SPDX-License-Identifier: GPL-3.0-or-later
/* Directories: 32-byte entries, long names in the entries before the short one that they belong to. */
#include <sys/stat.h>

#include "backproof/text.h"
#include "fat.h"

#define ATTR_LABEL 0x08
#define ATTR_DIR 0x10
#define ATTR_LONG 0x0f
#define DELETED 0xe5

int fat_dir_open(struct fat_dir *d, const struct fat *fs, uint32_t cluster, struct error *e)
{
	memset(d, 0, offsetof(struct fat_dir, units));
	d->buf_length = 0;
	d->orphans = 0;
	d->fs = fs;
	if (!cluster && fs->bits != 32) {
		d->at = fs->root_at;
		d->left = (uint64_t)fs->root_entries * 32;
		return 0;
	}
	d->cluster = cluster ? cluster : fs->root_cluster;
	if (d->cluster < FIRST_CLUSTER || d->cluster >= fs->limit)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "FAT: a directory begins at cluster %u, which does not exist", cluster);
	d->at = fat_place(fs, d->cluster);
	d->left = fs->cluster;
	return 0;
}

/* The next 32 bytes. 1, 0 at the end of the chain, -1. */
static int next_raw(struct fat_dir *d, const uint8_t **raw, uint64_t *at, struct error *e)
{
	if (!d->left) {
		if (!d->cluster)
			return 0;
		int rc = fat_follow(d->fs, &d->cluster, e);
		if (rc <= 0)
			return rc;
		d->at = fat_place(d->fs, d->cluster);
		d->left = d->fs->cluster;
	}
	if (d->bytes >= MAX_DIR_BYTES)
		return error_set(e, ERROR_CORRUPT, (int64_t)d->at,
				 "FAT: a directory is larger than %u bytes, or its chain is a circle",
				 (unsigned)MAX_DIR_BYTES);
	if (d->at < d->buf_at || d->at >= d->buf_at + d->buf_length || !d->buf_length) {
		size_t n = d->left < sizeof d->buf ? (size_t)d->left : sizeof d->buf;
		d->buf_length = 0;
		if (source_read_at(d->fs->src, d->at, d->buf, n, e) < 0)
			return -1;
		d->buf_at = d->at;
		d->buf_length = n;
	}
	*raw = d->buf + (d->at - d->buf_at);
	*at = d->at;
	d->at += 32;
	d->left -= 32;
	d->bytes += 32;
	return 1;
}

static void drop_long(struct fat_dir *d)
{
	if (d->order || d->long_ready || d->long_bad)
		d->orphans++;
	d->order = 0;
	d->long_ready = d->long_bad = false;
}

/* One piece of a long name: 13 units, the last piece first. */
static void take_long(struct fat_dir *d, const uint8_t *raw)
{
	unsigned order = raw[0] & 0x3f;
	if (raw[0] & 0x40) {
		drop_long(d);
		memset(d->units, 0, sizeof d->units);
		d->order = (uint16_t)(order + 1);
		d->sum = raw[13];
		if (!order || order > 20)
			d->long_bad = true;
	}
	if (d->long_bad || !d->order || order + 1u != d->order || raw[13] != d->sum || d->long_ready) {
		d->long_bad = true;
		return;
	}
	uint8_t *to = d->units + (order - 1) * 26;
	memcpy(to, raw + 1, 10);
	memcpy(to + 10, raw + 14, 12);
	memcpy(to + 22, raw + 28, 4);
	d->order = (uint16_t)order;
	if (order == 1) {
		d->order = 0;
		d->long_ready = true;
	}
}

/* A long name that a path can't hold is none. */
static bool usable(const char *name)
{
	return *name && !strchr(name, '/') && strcmp(name, ".") && strcmp(name, "..");
}

void fat_entry_fill(const struct fat *fs, const uint8_t *raw, const char *name, uint64_t place,
		    struct fat_entry *out)
{
	char short_name[64];
	memset(out, 0, sizeof *out);
	memcpy(out->raw, raw, 32);
	out->place = place;
	out->size = get_le32(raw + 28);
	out->cluster = get_le16(raw + 26);
	if (fs->bits == 32)
		out->cluster |= (uint32_t)get_le16(raw + 20) << 16;
	out->written = fat_time(get_le16(raw + 24), get_le16(raw + 22));
	out->made = fat_time(get_le16(raw + 16), get_le16(raw + 14));
	out->kind = raw[11] & ATTR_LABEL ? FAT_LABEL : raw[11] & ATTR_DIR ? FAT_DIR : FAT_FILE;
	if (out->kind == FAT_LABEL) {
		for (size_t i = 0, n = 0; i < 11; i++)
			if (raw[i] != ' ' || memcmp(raw + i, "           ", 11 - i))
				out->name[n++] = (char)raw[i];
		return;
	}
	if (!memcmp(raw, ".          ", 11))
		out->kind = FAT_DOT;
	else if (!memcmp(raw, "..         ", 11))
		out->kind = FAT_DOTDOT;
	else
		out->bad_short = !fat_short_name(raw, short_name);
	if (out->kind == FAT_DOT || out->kind == FAT_DOTDOT)
		name = out->kind == FAT_DOT ? "." : "..";
	else if (!name || !usable(name))
		name = short_name;
	snprintf(out->name, sizeof out->name, "%s", name);
}

int fat_dir_next(struct fat_dir *d, struct fat_entry *out, struct error *e)
{
	char name[768];
	const uint8_t *raw = NULL;
	uint64_t at = 0;
	int rc;
	while ((rc = next_raw(d, &raw, &at, e)) > 0) {
		if (!raw[0]) {
			drop_long(d);
			d->ended = true;
			if (!d->past_mark)
				return 0;
			continue;
		}
		if (raw[0] == DELETED) {
			drop_long(d);
			continue;
		}
		if ((raw[11] & 0x3f) == ATTR_LONG) {
			take_long(d, raw);
			continue;
		}
		bool ready = d->long_ready && !d->long_bad && fat_name_sum(raw) == d->sum &&
			     !(raw[11] & ATTR_LABEL);
		bool pending = d->order || d->long_ready || d->long_bad;
		if (ready)
			utf16le_text(d->units, 255, name, sizeof name);
		d->order = 0;
		d->long_ready = d->long_bad = false;
		fat_entry_fill(d->fs, raw, ready ? name : NULL, at, out);
		out->bad_long = pending && (!ready || !usable(name));
		out->after_end = d->ended;
		return 1;
	}
	if (!rc)
		drop_long(d);
	return rc;
}

void fat_show(const struct fat *fs, const struct fat_entry *in, struct fs_entry *out)
{
	bool dir = in->kind == FAT_DIR;
	*out = (struct fs_entry){
		.id = in->place,
		.type = dir ? ENTRY_DIR : ENTRY_FILE,
		.mode = dir ? S_IFDIR | 0755 : S_IFREG | 0644,
		.links = 1,
		.size = dir ? 0 : in->size,
		.mtime = in->written,
		.ctime = in->written,
	};
	if (in->cluster >= FIRST_CLUSTER && in->cluster < fs->limit)
		out->place = fat_place(fs, in->cluster);
}
