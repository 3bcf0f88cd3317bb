// SPDX-License-Identifier: GPL-3.0-or-later
/* Directories (section 6): sets of 32-byte entries under one checksum. */
#include <sys/stat.h>

#include "backproof/text.h"
#include "exfat.h"

#define TYPE_BITMAP 0x81u
#define TYPE_UPPER 0x82u
#define TYPE_LABEL 0x83u
#define TYPE_FILE 0x85u
#define TYPE_STREAM 0xc0u
#define TYPE_NAME 0xc1u
#define IN_USE 0x80u
#define SECONDARY 0x40u
#define BENIGN 0x20u
#define ATTR_DIR 0x10u

int exfat_dir_open(struct exfat_dir *d, const struct exfat *fs, const struct exfat_chain *c, struct error *e)
{
	memset(d, 0, offsetof(struct exfat_dir, buf));
	if (exfat_check_chain(fs, c, e) < 0)
		return -1;
	d->fs = fs;
	d->chain = *c;
	d->cluster = c->first;
	if (c->first) {
		d->at = exfat_place(fs, c->first);
		d->left = fs->cluster;
	}
	return 0;
}

/* The next 32 bytes. 1, 0 at the end, -1. */
static int next_raw(struct exfat_dir *d, const uint8_t **raw, uint64_t *at, struct error *e)
{
	if (!d->cluster || d->bytes >= d->chain.length)
		return 0;
	if (!d->left) {
		int rc = exfat_follow(d->fs, &d->chain, &d->cluster, e);
		if (!rc && d->chain.length != UINT64_MAX)
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
					 "exFAT: the chain of a directory ends before it does");
		if (rc <= 0)
			return rc;
		d->at = exfat_place(d->fs, d->cluster);
		d->left = d->fs->cluster;
	}
	if (d->bytes >= EXFAT_MAX_DIR)
		return error_set(e, ERROR_CORRUPT, (int64_t)d->at,
				 "exFAT: a directory is larger than 256 MiB, or its chain is a circle");
	if (!d->buf_length || d->at < d->buf_at || d->at >= d->buf_at + d->buf_length) {
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

void exfat_take_stream(const uint8_t raw[32], struct exfat_chain *c)
{
	*c = (struct exfat_chain){
		.first = get_le32(raw + 20),
		.adjoining = raw[1] & 2,
		.length = get_le64(raw + 24),
		.valid = get_le64(raw + 8),
	};
}

static void take_single(const uint8_t *raw, struct exfat_entry *out)
{
	size_t n = raw[1];
	switch (raw[0]) {
	case TYPE_BITMAP:
	case TYPE_UPPER:
		out->kind = raw[0] == TYPE_BITMAP ? EXFAT_BITMAP : EXFAT_UPPER;
		exfat_take_stream(raw, &out->data);
		out->data.adjoining = false;
		out->data.valid = out->data.length;
		out->attributes = raw[1];
		out->table_sum = get_le32(raw + 4);
		break;
	case TYPE_LABEL:
		out->kind = EXFAT_LABEL;
		if (n > 11)
			out->wrong = "the label is longer than it can be";
		utf16le_text(raw + 2, n < 11 ? n : 11, out->name, sizeof out->name);
		break;
	default:
		out->kind = EXFAT_OTHER;
		if (!(raw[0] & BENIGN))
			out->wrong = "an entry of a type that is not known and must not be ignored";
		break;
	}
}

static bool is_bad_unit(uint16_t u)
{
	return u < 0x20 || (u < 0x80 && strchr("\"*/:<>?\\|", u));
}

static void take_name(const uint8_t *set, unsigned count, struct exfat_entry *out)
{
	size_t units = set[32 + 3], need = (units + 14) / 15;
	if (!units || count < 2 + need) {
		out->wrong = "the name is missing or cut";
		return;
	}
	for (size_t i = 0; i < units; i++) {
		const uint8_t *raw = set + (2 + i / 15) * 32;
		if (raw[0] != TYPE_NAME)
			out->wrong = "the name is missing or cut";
		out->units[i] = get_le16(raw + 2 + i % 15 * 2);
		if (is_bad_unit(out->units[i])) {
			out->wrong = "the name holds what no name may hold";
			out->units[i] = '_';
		}
	}
	out->name_units = units;
	utf16le_text(out->units, units, out->name, sizeof out->name);
	if (!strcmp(out->name, ".") || !strcmp(out->name, ".."))
		out->wrong = "the name stands for a directory";
}

static void take_file(const uint8_t *set, unsigned count, struct exfat_entry *out)
{
	uint16_t sum = 0;
	for (size_t i = 0; i < count * 32ul; i++)
		if (i != 2 && i != 3)
			sum = (uint16_t)((uint16_t)(sum << 15 | sum >> 1) + set[i]);
	if (sum != get_le16(set + 2))
		out->wrong = "the checksum of its entries is wrong";
	out->attributes = get_le16(set + 4);
	out->kind = out->attributes & ATTR_DIR ? EXFAT_DIR : EXFAT_FILE;
	out->made = exfat_time(get_le32(set + 8), set[22]);
	out->written = exfat_time(get_le32(set + 12), set[23]);
	if (count < 3 || set[32] != TYPE_STREAM) {
		out->wrong = "the entry for its data is missing";
		return;
	}
	out->id = out->id ? out->id : out->place;
	exfat_take_stream(set + 32, &out->data);
	out->name_hash = get_le16(set + 36);
	take_name(set, count, out);
}

int exfat_dir_next(struct exfat_dir *d, struct exfat_entry *out, struct error *e)
{
	const uint8_t *raw = NULL;
	uint64_t at = 0;
	int rc;
	while (!d->ended && (rc = next_raw(d, &raw, &at, e)) != 0) {
		if (rc < 0)
			return -1;
		if (!raw[0]) {
			d->ended = true;
			break;
		}
		if (!(raw[0] & IN_USE))
			continue;
		memset(out, 0, sizeof *out);
		out->place = out->id = at;
		if (raw[0] & SECONDARY) {
			out->kind = EXFAT_OTHER;
			out->wrong = "a secondary entry without a file";
			return 1;
		}
		if (raw[0] != TYPE_FILE) {
			take_single(raw, out);
			/* What may follow a benign one belongs to it. */
			for (unsigned n = out->kind == EXFAT_OTHER && !out->wrong ? raw[1] : 0; n; n--)
				if ((rc = next_raw(d, &raw, &at, e)) <= 0)
					break;
			return 1;
		}
		unsigned count = raw[1] + 1u;
		memcpy(d->set, raw, 32);
		for (unsigned i = 1; i < count; i++) {
			if ((rc = next_raw(d, &raw, &at, e)) < 0)
				return -1;
			if (!rc || (raw[0] & (IN_USE | SECONDARY)) != (IN_USE | SECONDARY)) {
				/* What was read instead is lost with it: the set is damaged. */
				out->kind = EXFAT_OTHER;
				out->wrong = "the entries of a file are cut short";
				return 1;
			}
			if (i == 1)
				out->id = at;
			memcpy(d->set + i * 32ul, raw, 32);
		}
		take_file(d->set, count, out);
		return 1;
	}
	return 0;
}

void exfat_show(const struct exfat *fs, const struct exfat_entry *in, struct fs_entry *out)
{
	bool dir = in->kind == EXFAT_DIR;
	*out = (struct fs_entry){
		.id = in->id,
		.type = dir ? ENTRY_DIR : ENTRY_FILE,
		.mode = dir ? S_IFDIR | 0755 : S_IFREG | 0644,
		.links = 1,
		.size = dir ? 0 : in->data.length,
		.mtime = in->written,
		.ctime = in->written,
	};
	if (in->data.first >= EXFAT_FIRST && in->data.first < fs->limit)
		out->place = exfat_place(fs, in->data.first);
}
