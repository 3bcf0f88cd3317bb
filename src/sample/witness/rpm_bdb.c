// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A hash of Berkeley DB, rpm's Packages up to RHEL 8 and SUSE 12: a package's number, and its header. Pages are
 * numbered; 0 describes the others. A bucket is a list of pages, in each of which offsets from the front lead to
 * items that grow from its end, keys and values in turn; what is larger than a page is in a list of pages of its own.
 * Numbers are of the machine's byte order. (Oracle's db_page.h has these structures.)
 */
#include "rpm.h"

enum {
	META_MAGIC = 12,
	META_VERSION = 16,
	META_PAGE_SIZE = 20,
	META_CIPHER = 24,
	META_TYPE = 25,
	META_FLAGS = 26, /* 1: pages have checksums */
	META_LAST_PAGE = 32,
	META_LAST_BUCKET = 72,
	META_COUNT = 88, /* of what is in it */
	META_SPARES = 96, /* of each doubling of the buckets: what leads from a bucket to its page */
	META_END = 224,
};
enum {
	PAGE_NUMBER = 8,
	PAGE_NEXT = 16,
	PAGE_ITEMS = 20,
	PAGE_BYTES = 22, /* of those with a part of a large item */
	PAGE_TYPE = 25,
	PAGE_HEAD = 26,
};
enum { TYPE_HASH_UNSORTED = 2, TYPE_LARGE = 7, TYPE_META = 8, TYPE_HASH = 13 };
enum { ITEM_HERE = 1, ITEM_LARGE = 3, ITEM_LARGE_SIZE = 12 };

#define MAGIC 0x00061561u

struct bdb {
	const uint8_t *data;
	uint32_t page, last; /* size of a page; the number of the last one */
	uint64_t left;	     /* pages that are still to come: each is in one list */
	bool big;	     /* endian */
	uint8_t *large;
	size_t room;
	struct vouchers *to;
};

static uint32_t u32(const struct bdb *b, const uint8_t *at)
{
	return b->big ? get_be32(at) : get_le32(at);
}

static uint32_t u16(const struct bdb *b, const uint8_t *at)
{
	return b->big ? get_be16(at) : get_le16(at);
}

static int bad(const struct bdb *b, const uint8_t *at, struct error *e, const char *what)
{
	return error_set(e, ERROR_CORRUPT, at - b->data, "%s", what);
}

/* NULL: *e says what is wrong with it. from: where its number was read. */
static const uint8_t *page_at(struct bdb *b, uint32_t number, const uint8_t *from, struct error *e)
{
	const uint8_t *page = b->data + (uint64_t)number * b->page;
	if (!number || number > b->last)
		return bad(b, from, e, "it leads to a page that is not there"), NULL;
	if (u32(b, page + PAGE_NUMBER) != number)
		return bad(b, page, e, "a page has another one's number"), NULL;
	if (!b->left)
		return bad(b, page, e, "a page is in two lists"), NULL;
	b->left--;
	return page;
}

/* The bytes of a large item, in b->large. */
static int read_large(struct bdb *b, const uint8_t *item, uint32_t length, struct error *e)
{
	if (!length || length > (uint64_t)b->last * b->page)
		return bad(b, item, e, "an item is larger than all pages");
	if (length > b->room) {
		uint8_t *to = realloc(b->large, length);
		if (!to)
			return error_nomem(e);
		b->large = to;
		b->room = length;
	}
	uint32_t number = u32(b, item + 4);
	for (uint32_t at = 0, n; at < length; at += n) {
		const uint8_t *page = page_at(b, number, item, e);
		if (!page)
			return -1;
		n = u16(b, page + PAGE_BYTES);
		if (page[PAGE_TYPE] != TYPE_LARGE || !n || n > b->page - PAGE_HEAD || n > length - at)
			return bad(b, page, e, "a page has no part of its item");
		memcpy(b->large + at, page + PAGE_HEAD, n);
		number = u32(b, page + PAGE_NEXT);
	}
	return 0;
}

/* len includes the byte that tells the type. */
static int add_package(struct bdb *b, const uint8_t *key, size_t key_len, const uint8_t *item, size_t len,
		       struct error *e)
{
	if (*key != ITEM_HERE || key_len != 5)
		return bad(b, key, e, "a key is no package's number");
	/* What has the number 0 is the next number. */
	if (!u32(b, key + 1))
		return 0;
	if (*item == ITEM_HERE)
		return rpm_add_header(b->to, item + 1, len - 1, e);
	if (*item != ITEM_LARGE || len != ITEM_LARGE_SIZE)
		return bad(b, item, e, "an item is of no known type");
	uint32_t length = u32(b, item + 8);
	return read_large(b, item, length, e) < 0 ? -1 : rpm_add_header(b->to, b->large, length, e);
}

static int read_page(struct bdb *b, const uint8_t *page, struct error *e)
{
	uint32_t count = u16(b, page + PAGE_ITEMS), end = b->page;
	if (page[PAGE_TYPE] != TYPE_HASH && page[PAGE_TYPE] != TYPE_HASH_UNSORTED)
		return bad(b, page, e, "a page in a bucket is none of one");
	if (count % 2 || count > (b->page - PAGE_HEAD) / 2)
		return bad(b, page, e, "a page has keys without values");
	for (uint32_t i = 0; i < count; i += 2) {
		const uint8_t *at = page + PAGE_HEAD + 2 * (size_t)i;
		uint32_t key = u16(b, at), value = u16(b, at + 2);
		if (key >= end || value >= key || value < PAGE_HEAD + 2 * count)
			return bad(b, at, e, "items of a page lie on each other");
		if (add_package(b, page + key, end - key, page + value, key - value, e) < 0)
			return -1;
		end = value;
	}
	return 0;
}

/* The page of a bucket is written when the bucket gets something. */
static bool is_unwritten(const struct bdb *b, uint32_t number)
{
	return !u32(b, b->data + META_COUNT) && number <= b->last &&
	       is_zero(b->data + (uint64_t)number * b->page, b->page);
}

static int read_bucket(struct bdb *b, uint32_t bucket, struct error *e)
{
	/* 0, 1, 2 and 3, 4 to 7, ... were made together. */
	const uint8_t *spare = b->data + META_SPARES + 4 * (size_t)(bucket ? 32 - __builtin_clz(bucket) : 0);
	if (spare >= b->data + META_END)
		return bad(b, b->data + META_LAST_BUCKET, e, "it has more buckets than there can be");
	uint32_t number = bucket + u32(b, spare);
	if (is_unwritten(b, number)) {
		if (!b->left)
			return bad(b, spare, e, "it has more buckets than pages");
		b->left--;
		return 0;
	}
	do {
		const uint8_t *page = page_at(b, number, spare, e);
		if (!page || read_page(b, page, e) < 0)
			return -1;
		number = u32(b, page + PAGE_NEXT);
	} while (number);
	return 0;
}

int rpm_read_bdb(uint8_t *data, size_t len, struct vouchers *v, struct error *e)
{
	struct bdb b = {.data = data, .to = v};
	b.big = len >= META_END && get_be32(data + META_MAGIC) == MAGIC;
	if (len < META_END || u32(&b, data + META_MAGIC) != MAGIC || data[META_TYPE] != TYPE_META)
		return bad(&b, data, e, "it is no hash of Berkeley DB");
	uint32_t version = u32(&b, data + META_VERSION);
	if (version < 8 || version > 10 || data[META_CIPHER] || data[META_FLAGS] & 1)
		return error_set(e, ERROR_UNSUPPORTED, META_VERSION,
				 "version %u of the database, or one with a cipher or checksums", version);
	b.page = u32(&b, data + META_PAGE_SIZE);
	b.last = u32(&b, data + META_LAST_PAGE);
	b.left = b.last;
	if (b.page < 512 || b.page > 65536 || b.page & (b.page - 1) || b.last >= len / b.page)
		return bad(&b, data + META_PAGE_SIZE, e, "its pages reach out of it");
	const uint32_t buckets = u32(&b, data + META_LAST_BUCKET);
	int rc = 0;
	for (uint64_t i = 0; i <= buckets && rc == 0; i++)
		rc = read_bucket(&b, (uint32_t)i, e);
	free(b.large);
	return rc;
}
