// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * An RPM package's header (rpm's manual, "Package format"): counts, an index of tags, and their data, all big-endian.
 * It has a digest, mode and time of each file, and whether it was installed at all.
 */
#include <sys/stat.h>

#include "rpm.h"

enum { TYPE_CHAR = 1, TYPE_INT16 = 3, TYPE_INT32 = 4, TYPE_STRINGS = 8 };
enum {
	TAG_INSTALL_TIME = 1008,
	TAG_FILE_STATES = 1029,
	TAG_FILE_MODES = 1030,
	TAG_FILE_MTIMES = 1034,
	TAG_FILE_DIGESTS = 1035,
	TAG_FILE_FLAGS = 1037,
	TAG_FILE_VERIFY_FLAGS = 1045,
	TAG_DIR_INDEXES = 1116,
	TAG_BASE_NAMES = 1117,
	TAG_DIR_NAMES = 1118,
	TAG_FILE_DIGEST_ALGORITHM = 5011,
};
enum { FLAG_CONFIG = 1, FLAG_MISSING_OK = 8, FLAG_GHOST = 64 };
enum { VERIFY_DIGEST = 1 };
enum { STATE_NORMAL = 0 };

#define ENTRY 16u

struct header {
	const uint8_t *index, *data;
	uint32_t entries, length;
};

/* The values of a tag, which lie in the header. */
struct field {
	const uint8_t *at;
	uint32_t count;
	size_t room; /* bytes from at to the end of all data */
};

static int bad(struct error *e, uint32_t tag, const char *what)
{
	return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "RPM header: tag %u: %s", tag, what);
}

static size_t size_of(uint32_t type)
{
	return type == TYPE_INT32 ? 4 : type == TYPE_INT16 ? 2 : 1;
}

/* 1 found, 0 there is none of that type, -1 it reaches out of the header. */
static int find(const struct header *h, uint32_t tag, uint32_t type, struct field *f, struct error *e)
{
	*f = (struct field){NULL, 0, 0};
	for (uint32_t i = 0; i < h->entries; i++) {
		const uint8_t *x = h->index + (size_t)i * ENTRY;
		uint32_t offset = get_be32(x + 8), count = get_be32(x + 12);
		if (get_be32(x) != tag || get_be32(x + 4) != type)
			continue;
		if (offset > h->length || count > (h->length - offset) / size_of(type))
			return bad(e, tag, "it reaches out of its header");
		*f = (struct field){h->data + offset, count, h->length - offset};
		return 1;
	}
	return 0;
}

static const char *next_string(struct field *f)
{
	const char *s = (const char *)f->at;
	const uint8_t *end = f->room ? memchr(f->at, 0, f->room) : NULL;
	if (!end)
		return NULL;
	f->room -= (size_t)(end + 1 - f->at);
	f->at = end + 1;
	return s;
}

static uint32_t int_at(const struct field *f, uint32_t i, uint32_t otherwise)
{
	return i < f->count ? get_be32(f->at + 4 * (size_t)i) : otherwise;
}

/* As OpenPGP numbers them (RFC 4880, 9.4). false: one that is not known here. */
static bool kind_of(uint32_t algorithm, enum digest_kind *kind)
{
	switch (algorithm) {
	case 1:
		*kind = DIGEST_MD5;
		return true;
	case 2:
		*kind = DIGEST_SHA1;
		return true;
	case 8:
		*kind = DIGEST_SHA256;
		return true;
	case 9:
		*kind = DIGEST_SHA384;
		return true;
	case 10:
		*kind = DIGEST_SHA512;
		return true;
	case 11:
		*kind = DIGEST_SHA224;
		return true;
	}
	return false;
}

/* Of each file, in the same order. */
struct files {
	struct field names, digests, modes, mtimes, flags, dirs;
	struct field states, verify; /* of none, or of each */
	const char **directories;
	uint32_t directory_count;
	struct vouched values; /* what they have in common */
};

static int find_files(const struct header *h, struct files *x, struct error *e)
{
	const struct {
		uint32_t tag, type;
		struct field *to;
		bool needed;
	} wanted[] = {
		{TAG_FILE_DIGESTS, TYPE_STRINGS, &x->digests, true},
		{TAG_FILE_MODES, TYPE_INT16, &x->modes, true},
		{TAG_FILE_MTIMES, TYPE_INT32, &x->mtimes, true},
		{TAG_FILE_FLAGS, TYPE_INT32, &x->flags, true},
		{TAG_DIR_INDEXES, TYPE_INT32, &x->dirs, true},
		{TAG_FILE_STATES, TYPE_CHAR, &x->states, false},
		{TAG_FILE_VERIFY_FLAGS, TYPE_INT32, &x->verify, false},
	};
	int rc = find(h, TAG_BASE_NAMES, TYPE_STRINGS, &x->names, e);
	if (rc <= 0)
		return rc;
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		rc = find(h, wanted[i].tag, wanted[i].type, wanted[i].to, e);
		if (rc < 0)
			return -1;
		if (wanted[i].to->count != x->names.count && (rc > 0 || wanted[i].needed))
			return bad(e, wanted[i].tag, "it is not of as many files as there are names");
	}
	return 1;
}

static int read_directories(const struct header *h, struct files *x, struct error *e)
{
	struct field names;
	if (find(h, TAG_DIR_NAMES, TYPE_STRINGS, &names, e) < 0)
		return -1;
	x->directory_count = names.count;
	x->directories = calloc((size_t)names.count + 1, sizeof *x->directories);
	if (!x->directories)
		return error_nomem(e);
	for (uint32_t i = 0; i < x->directory_count; i++)
		if (!(x->directories[i] = next_string(&names)))
			return bad(e, TAG_DIR_NAMES, "a name without an end");
	return 0;
}

static int add_file(struct vouchers *v, struct files *x, uint32_t i, struct error *e)
{
	const char *name = next_string(&x->names), *digest = next_string(&x->digests);
	uint32_t dir = int_at(&x->dirs, i, 0), flags = int_at(&x->flags, i, 0);
	struct vouched to = x->values;
	char path[4200];
	if (!name || !digest || dir >= x->directory_count)
		return bad(e, TAG_BASE_NAMES, "a file without an end, a digest or a directory");
	if (!S_ISREG(get_be16(x->modes.at + 2 * (size_t)i)) || (flags & (FLAG_GHOST | FLAG_MISSING_OK)) ||
	    (x->states.count && x->states.at[i] != STATE_NORMAL) || strlen(digest) != 2 * digest_size(to.kind) ||
	    hex_decode(digest, to.digest, digest_size(to.kind)) < 0)
		return 0;
	int n = snprintf(path, sizeof path, "%s%s", x->directories[dir], name);
	if (n < 0 || (size_t)n >= sizeof path)
		return 0;
	to.mtime = int_at(&x->mtimes, i, 0);
	/* Some are written to by their own packages' scripts, and rpm does not verify their content either. */
	to.conffile = flags & FLAG_CONFIG || !(int_at(&x->verify, i, VERIFY_DIGEST) & VERIFY_DIGEST);
	return vouchers_add(v, path, &to, e);
}

int rpm_add_header(struct vouchers *v, const uint8_t *blob, size_t len, struct error *e)
{
	struct header h = {.entries = len >= 8 ? get_be32(blob) : 0, .length = len >= 8 ? get_be32(blob + 4) : 0};
	struct files x = {.values = {.size = -1}};
	struct field one;
	if (len < 8 || h.entries > (len - 8) / ENTRY || h.length != len - 8 - (size_t)h.entries * ENTRY)
		return error_set(e, ERROR_CORRUPT, 0, "RPM header: its counts are not those of %zu bytes", len);
	h.index = blob + 8;
	h.data = h.index + (size_t)h.entries * ENTRY;
	if (find(&h, TAG_FILE_DIGEST_ALGORITHM, TYPE_INT32, &one, e) < 0)
		return -1;
	if (!kind_of(int_at(&one, 0, 1), &x.values.kind))
		return 0;
	if (find(&h, TAG_INSTALL_TIME, TYPE_INT32, &one, e) < 0)
		return -1;
	x.values.installed = int_at(&one, 0, 0);
	int rc = find_files(&h, &x, e);
	if (rc <= 0)
		return rc;
	rc = read_directories(&h, &x, e);
	for (uint32_t i = 0, n = x.names.count; rc == 0 && i < n; i++)
		rc = add_file(v, &x, i, e);
	free(x.directories);
	return rc;
}
