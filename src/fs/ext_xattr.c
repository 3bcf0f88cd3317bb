// SPDX-License-Identifier: GPL-3.0-or-later
/* Extended attributes: in the inode, in a block of their own, in an inode of their own. */
#ifdef HAVE_EXT2FS
#include "ext.h"

#define VALUE_MAX (64u * 1024)

static const char *const prefixes[] = {
	[0] = "",
	[1] = "user.",
	[2] = "system.posix_acl_access",
	[3] = "system.posix_acl_default",
	[4] = "trusted.",
	[6] = "security.",
	[7] = "system.",
	[8] = "system.richacl",
	[9] = "c.", /* encryption contexts: never shown by a kernel */
	[10] = "gnu.",
};

/*
 * Entries from `first` to a zero word; values at offsets from `base`. `end` bounds both, and a value
 * may not begin among the entries.
 */
static int entries(const struct ext *x, const uint8_t *base, const uint8_t *first,
		   const uint8_t *end, uint64_t place, ext_xattr_fn *fn, void *ctx, struct error *e)
{
	const uint8_t *p = first, *stop = first;
	const char *wrong = NULL;
	/* The end of the list first: only then is it known where values may be. */
	while (!wrong) {
		if (end - stop < 4)
			wrong = "the list of attributes has no end";
		else if (!get_le32(stop))
			break;
		else if (end - stop < 16 + 4 || end - stop - 16 < (stop[0] + 3) / 4 * 4)
			wrong = "an attribute's name is cut";
		else
			stop += 16 + (stop[0] + 3) / 4 * 4;
	}
	for (; !wrong && p < stop; p += 16 + (p[0] + 3) / 4 * 4) {
		struct ext_xattr a = {
			.index = p[1],
			.name = (const char *)p + 16,
			.length = p[0],
			.value_inode = get_le32(p + 4),
			.size = get_le32(p + 8),
			.entry = p,
		};
		size_t at = get_le16(p + 2), room = (size_t)(end - base);
		if (a.value_inode && !ext2fs_has_feature_ea_inode(x->fs->super)) {
			wrong = "an attribute in an inode of its own, without that feature";
			break;
		}
		if (!a.value_inode) {
			/* With its padding, as Linux has it. */
			if (a.size && (at > room || (a.size + 3) / 4 * 4 > room - at || base + at < stop + 4)) {
				wrong = "an attribute's value lies outside its place";
				break;
			}
			a.value = a.size ? base + at : (const uint8_t *)"";
		} else if (a.value_inode > x->inodes || a.size > EXT2_XATTR_SIZE_MAX) {
			wrong = "an attribute's inode does not exist";
			break;
		}
		int rc = fn(ctx, &a, e);
		if (rc)
			return rc;
	}
	return wrong ? error_set(e, ERROR_CORRUPT, (int64_t)place, "%s", wrong) : 0;
}

int ext_xattr_in_inode(const struct ext *x, const struct ext_inode *in, ext_xattr_fn *fn, void *ctx,
		       struct error *e)
{
	size_t at = EXT2_GOOD_OLD_INODE_SIZE + (size_t)in->extra;
	if (!in->extra || at + 4 > x->inode_size || get_le32(in->raw + at) != EXT2_EXT_ATTR_MAGIC)
		return 0;
	const uint8_t *first = in->raw + at + 4;
	int rc = entries(x, first, first, in->raw + x->inode_size, in->place, fn, ctx, e);
	return rc < 0 && e->cls == ERROR_CORRUPT ? error_prefix(e, "inode %u", in->number) : rc;
}

static bool block_sound(const struct ext *x, uint64_t block, uint8_t *data)
{
	uint8_t number[8];
	if (!x->csum)
		return true;
	uint32_t sum = get_le32(data + 16);
	for (int i = 0; i < 8; i++)
		number[i] = (uint8_t)(block >> 8 * i);
	memset(data + 16, 0, 4);
	uint32_t crc = ext_csum(x, ext_csum(x, x->seed, number, 8), data, x->block_size);
	return crc == sum;
}

int ext_xattr_in_block(const struct ext *x, uint64_t block, uint32_t *refs, ext_xattr_fn *fn,
		       void *ctx, struct error *e)
{
	if (block >= x->blocks || block < x->first_block)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "attribute block %llu is outside the file system",
				 (unsigned long long)block);
	uint64_t place = block * x->block_size;
	autofree uint8_t *data = malloc(x->block_size);
	if (!data)
		return error_nomem(e);
	if (source_read_at(x->src, place, data, x->block_size, e) < 0)
		return error_prefix(e, "attribute block");
	if (get_le32(data) != EXT2_EXT_ATTR_MAGIC || get_le32(data + 8) != 1)
		return error_set(e, ERROR_CORRUPT, (int64_t)place,
				 "attribute block %llu has no header", (unsigned long long)block);
	*refs = get_le32(data + 4);
	if (!block_sound(x, block, data))
		return error_set(e, ERROR_CORRUPT, (int64_t)place,
				 "attribute block %llu: wrong checksum", (unsigned long long)block);
	int rc = entries(x, data, data + 32, data + x->block_size, place, fn, ctx, e);
	return rc < 0 && e->cls == ERROR_CORRUPT
		       ? error_prefix(e, "attribute block %llu", (unsigned long long)block)
		       : rc;
}

struct show {
	const struct ext *x;
	fs_xattr_fn *fn;
	void *ctx;
};

static void put_le16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

/*
 * ACLs are stored with ids only where they mean something (version 1); the system's calls show them
 * with an id everywhere (version 2). Returns the new length, or 0 when it is no such ACL.
 */
static size_t acl_shown(const uint8_t *p, size_t len, uint8_t *out)
{
	size_t n = 4;
	if (len < 4 || get_le32(p) != 1)
		return 0;
	memcpy(out, "\2\0\0\0", 4);
	for (size_t pos = 4; pos < len; n += 8) {
		if (len - pos < 4)
			return 0;
		unsigned tag = get_le16(p + pos);
		bool id = tag == 2 || tag == 8;
		if (id && len - pos < 8)
			return 0;
		put_le16(out + n, tag);
		put_le16(out + n + 2, get_le16(p + pos + 2));
		if (id)
			memcpy(out + n + 4, p + pos + 4, 4);
		else
			memset(out + n + 4, 0xff, 4);
		pos += id ? 8 : 4;
	}
	return n;
}

static int show_one(void *ctx, const struct ext_xattr *a, struct error *e)
{
	struct show *s = ctx;
	char name[300];
	autofree uint8_t *held = NULL;
	const uint8_t *value = a->value;
	size_t size = a->size;
	if (a->index == 7 && a->length == 4 && !memcmp(a->name, "data", 4))
		return 0; /* inline data: content, not an attribute */
	const char *prefix = a->index < ARRAY_SIZE(prefixes) ? prefixes[a->index] : NULL;
	snprintf(name, sizeof name, "%s%.*s", prefix ? prefix : "unknown.", (int)a->length, a->name);
	if (a->value_inode) {
		struct ext_inode in;
		if (size > VALUE_MAX)
			return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET,
					 "attribute %s has %zu bytes", name, size);
		if (ext_inode_read(s->x, a->value_inode, &in, e) < 0)
			return error_prefix(e, "attribute %s", name);
		if (!(in.flags & EXT4_EA_INODE_FL) || in.size != size)
			return error_set(e, ERROR_CORRUPT, (int64_t)in.place,
					 "inode %u does not hold attribute %s", a->value_inode,
					 name);
		held = malloc(size + 1);
		if (!held)
			return error_nomem(e);
		if (ext_read_small(s->x, &in, held, size, e) < 0)
			return -1;
		value = held;
	} else if (a->index == 2 || a->index == 3) {
		held = malloc(4 + 2 * size);
		if (!held)
			return error_nomem(e);
		size_t n = acl_shown(value, size, held);
		if (n) {
			value = held;
			size = n;
		}
	}
	return s->fn(s->ctx, name, value, size, e);
}

int ext_xattrs(void *self, uint64_t id, fs_xattr_fn *fn, void *ctx, struct error *e)
{
	struct ext *x = self;
	struct show s = {x, fn, ctx};
	struct ext_inode in;
	uint32_t refs;
	if (id > UINT32_MAX)
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "no such inode");
	if (ext_inode_read(x, (uint32_t)id, &in, e) < 0)
		return -1;
	int rc = ext_xattr_in_inode(x, &in, show_one, &s, e);
	if (!rc && in.acl)
		rc = ext_xattr_in_block(x, in.acl, &refs, show_one, &s, e);
	return rc < 0 ? -1 : 0;
}
#endif
