// SPDX-License-Identifier: GPL-3.0-or-later
/* The header of a qcow2 file and its extensions. */
#include "qcow2.h"

#define V2_LENGTH 72
#define V3_LENGTH 104
#define MAX_CLUSTER_BITS 21
#define KNOWN_FEATURES                                                                                                 \
	(QCOW2_DIRTY | QCOW2_CORRUPT | QCOW2_EXTERNAL | QCOW2_COMPRESSION | QCOW2_EXTENDED)

#define EXT_BACKING_FORMAT 0xe2792acau
#define EXT_FEATURE_NAMES 0x6803f857u
#define EXT_DATA_FILE 0x44415441u

struct reading {
	const uint8_t *p;
	size_t length; /* of the first cluster, as far as the file goes */
	struct qcow2_header *h;
	const uint8_t *names; /* the feature name table, or NULL */
	size_t names_length;
};

static int corrupt(struct error *e, int64_t offset, const char *what)
{
	return error_set(e, ERROR_CORRUPT, offset, "qcow2 header: %s", what);
}

static int parse_fields(struct qcow2_header *h, const uint8_t *p, struct error *e)
{
	h->version = get_be32(p + 4);
	h->backing_offset = get_be64(p + 8);
	h->backing_length = get_be32(p + 16);
	h->cluster_bits = get_be32(p + 20);
	h->size = get_be64(p + 24);
	h->crypt_method = get_be32(p + 32);
	h->l1_size = get_be32(p + 36);
	h->l1_offset = get_be64(p + 40);
	h->refcount_offset = get_be64(p + 48);
	h->refcount_clusters = get_be32(p + 56);
	h->snapshots = get_be32(p + 60);
	h->snapshots_offset = get_be64(p + 64);
	h->refcount_order = 4;
	h->length = V2_LENGTH;
	if (h->version != 2 && h->version != 3)
		return error_set(e, ERROR_UNSUPPORTED, 4, "qcow2 header: version %u", h->version);
	if (h->cluster_bits < 9)
		return corrupt(e, 20, "the clusters are smaller than 512 bytes");
	if (h->cluster_bits > MAX_CLUSTER_BITS)
		return error_set(e, ERROR_UNSUPPORTED, 20, "qcow2 header: clusters of 2^%u bytes, more than QEMU opens",
				 h->cluster_bits);
	if (h->version == 2)
		return 0;
	h->incompatible = get_be64(p + 72);
	h->autoclear = get_be64(p + 88);
	h->refcount_order = get_be32(p + 96);
	h->length = get_be32(p + 100);
	if (h->length < V3_LENGTH || h->length % 8 || h->length > UINT32_C(1) << h->cluster_bits)
		return corrupt(e, 100, "its length is impossible");
	if (h->refcount_order > 6)
		return corrupt(e, 96, "refcounts of more than 64 bits");
	return 0;
}

static int copy_string(char *out, size_t room, const uint8_t *p, size_t len, const char *what, struct error *e)
{
	if (!len || len >= room || memchr(p, '\0', len))
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "qcow2 header: the %s is no name", what);
	memcpy(out, p, len);
	out[len] = '\0';
	return 0;
}

static int parse_extension(struct reading *r, uint32_t type, const uint8_t *p, size_t len, struct error *e)
{
	switch (type) {
	case EXT_BACKING_FORMAT:
		return copy_string(r->h->backing_format, sizeof r->h->backing_format, p, len,
				   "format of the backing file", e);
	case EXT_DATA_FILE:
		r->h->has_data_file = true;
		return copy_string(r->h->data_file, sizeof r->h->data_file, p, len, "external data file", e);
	case EXT_FEATURE_NAMES:
		r->names = p;
		r->names_length = len;
	}
	return 0; /* others may be ignored, says the format */
}

/* The extensions end before the name of the backing file, or with the cluster. */
static int parse_extensions(struct reading *r, struct error *e)
{
	size_t at = r->h->length, end = r->length;
	if (r->h->backing_offset && r->h->backing_offset < end)
		end = (size_t)r->h->backing_offset;
	while (at + 8 <= end) {
		uint32_t type = get_be32(r->p + at), len = get_be32(r->p + at + 4);
		if (!type)
			return 0;
		at += 8;
		if (len > end - at)
			return error_set(e, ERROR_CORRUPT, (int64_t)at, "qcow2 header: extension %08x is too long",
					 type);
		if (parse_extension(r, type, r->p + at, len, e) < 0)
			return -1;
		size_t padded = ((size_t)len + 7) & ~(size_t)7;
		if (padded > end - at)
			return 0;
		at += padded;
	}
	return 0;
}

static int parse_backing(struct reading *r, struct error *e)
{
	struct qcow2_header *h = r->h;
	if (!h->backing_offset)
		return 0;
	if (h->backing_length > 1023)
		return corrupt(e, 16, "the name of the backing file is too long");
	if (h->backing_offset < h->length || h->backing_offset > r->length ||
	    h->backing_length > r->length - h->backing_offset)
		return corrupt(e, 8, "the name of the backing file lies outside the first cluster");
	if (!h->backing_length)
		return 0;
	return copy_string(h->backing, sizeof h->backing, r->p + h->backing_offset, h->backing_length, "backing file",
			   e);
}

static int judge_features(const struct reading *r, struct error *e)
{
	const struct qcow2_header *h = r->h;
	uint64_t unknown = h->incompatible & ~(uint64_t)KNOWN_FEATURES;
	if (unknown) {
		int bit = __builtin_ctzll(unknown);
		char name[47] = "";
		for (size_t at = 0; r->names && at + 48 <= r->names_length; at += 48)
			if (!r->names[at] && r->names[at + 1] == bit) {
				memcpy(name, r->names + at + 2, 46);
				break;
			}
		return error_set(e, ERROR_UNSUPPORTED, 72, "qcow2: it needs feature %d%s%s%s, which is not known", bit,
				 *name ? " (" : "", name, *name ? ")" : "");
	}
	if (h->crypt_method == 1 || h->crypt_method == 2)
		return error_set(e, ERROR_ENCRYPTED, 32, "qcow2: encrypted (%s), and there is no key",
				 h->crypt_method == 1 ? "AES" : "LUKS");
	if (h->crypt_method)
		return error_set(e, ERROR_UNSUPPORTED, 32, "qcow2: encryption method %u is not known",
				 h->crypt_method);
	if (!(h->incompatible & QCOW2_COMPRESSION) != !h->compression)
		return corrupt(e, 104, "the kind of compression and its feature bit contradict each other");
	if (h->compression > 1)
		return error_set(e, ERROR_UNSUPPORTED, 104, "qcow2: compression type %u is not known", h->compression);
	if ((h->incompatible & QCOW2_EXTENDED) && h->cluster_bits < 14)
		return corrupt(e, 20, "the clusters are too small for extended L2 entries");
	if (h->backing_offset && h->backing_length && (h->autoclear & 2) && (h->incompatible & QCOW2_EXTERNAL))
		return corrupt(e, 88, "raw external data and a backing file exclude each other");
	return 0;
}

int qcow2_header_read(struct source *src, struct qcow2_header *h, struct error *e)
{
	uint8_t fixed[V3_LENGTH] = {0};
	uint64_t size = source_size(src);
	memset(h, 0, sizeof *h);
	if (size < V2_LENGTH)
		return corrupt(e, 0, "the file ends inside it");
	if (source_read_at(src, 0, fixed, size < sizeof fixed ? (size_t)size : sizeof fixed, e) < 0)
		return -1;
	if (memcmp(fixed, "QFI\xfb", 4))
		return corrupt(e, 0, "no qcow2 signature");
	if (parse_fields(h, fixed, e) < 0)
		return -1;
	size_t length = (size_t)1 << h->cluster_bits;
	if (length > size)
		return error_set(e, ERROR_CORRUPT, (int64_t)size, "qcow2: the file ends inside its first cluster");
	autofree uint8_t *first = malloc(length);
	if (!first)
		return error_nomem(e);
	if (source_read_at(src, 0, first, length, e) < 0)
		return -1;
	struct reading r = {first, length, h, NULL, 0};
	if (h->version > 2 && h->length > 104)
		h->compression = first[104];
	if (parse_extensions(&r, e) < 0 || judge_features(&r, e) < 0)
		return -1;
	return parse_backing(&r, e);
}

#define SNAPSHOTS_MAX 65536
#define SNAPSHOT 40
#define SNAPSHOT_EXTRA_MAX 1024
#define SNAPSHOT_TABLE_MAX (64 * MIB)

int qcow2_snapshots_check(struct source *src, const struct qcow2_header *h, const char **wrong, int64_t *at,
			  struct error *e)
{
	uint64_t size = source_size(src), off = h->snapshots_offset;
	uint8_t p[SNAPSHOT];
	*wrong = NULL;
	*at = 64;
	if (h->snapshots > SNAPSHOTS_MAX)
		*wrong = "has more entries than QEMU opens";
	else if (off & ((UINT64_C(1) << h->cluster_bits) - 1))
		*wrong = "does not begin with a cluster";
	for (uint32_t i = 0; i < h->snapshots && !*wrong; i++) {
		off = (off + 7) & ~UINT64_C(7);
		*at = off < INT64_MAX ? (int64_t)off : 64;
		if (off > size || size - off < SNAPSHOT) {
			*wrong = "lies behind the end of the file";
			break;
		}
		if (source_read_at(src, off, p, SNAPSHOT, e) < 0)
			return -1;
		off += SNAPSHOT + (uint64_t)get_be32(p + 36) + get_be16(p + 12) + get_be16(p + 14);
		if (get_be32(p + 36) > SNAPSHOT_EXTRA_MAX || off - h->snapshots_offset > SNAPSHOT_TABLE_MAX)
			*wrong = "has an entry that is larger than QEMU opens";
		else if (off > size)
			*wrong = "lies behind the end of the file";
	}
	return 0;
}
