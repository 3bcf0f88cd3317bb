// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * rpm's databases of Berkeley DB, as that made them, and of ndb, which is put together here: what is found in them,
 * and what is said of those that are damaged.
 */
#include "../../src/sample/witness/rpm.h"
#include "backproof/adler32.h"
#include "test.h"

struct bytes {
	uint8_t *data;
	size_t size;
};

static struct bytes bytes_load(const char *path)
{
	static uint8_t buffer[65536];
	FILE *f = fopen(path, "r");
	NEED(f);
	struct bytes b = {.size = fread(buffer, 1, sizeof buffer, f)};
	NEED(b.size && b.size < sizeof buffer);
	fclose(f);
	b.data = malloc(b.size);
	NEED(b.data);
	memcpy(b.data, buffer, b.size);
	return b;
}

typedef int reader(uint8_t *data, size_t len, struct vouchers *v, struct error *e);

static struct vouchers v;
static struct error why;

/* Of a copy of its own size, so that a sanitizer sees what reads behind it. */
static int read_copy(reader *read, const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len + !len);
	NEED(copy);
	memcpy(copy, data, len);
	vouchers_free(&v);
	memset(&why, 0, sizeof why);
	int rc = read(copy, len, &v, &why);
	free(copy);
	return rc;
}

static void put_le32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

/* Data with a change of so many bytes. */
#define WITH(read, b, at, text)                                                                                        \
	({                                                                                                             \
		uint8_t keep_[sizeof(text)];                                                                           \
		memcpy(keep_, (b)->data + (at), sizeof(text) - 1);                                                     \
		memcpy((b)->data + (at), text, sizeof(text) - 1);                                                      \
		int rc_ = read_copy(read, (b)->data, (b)->size);                                                       \
		memcpy((b)->data + (at), keep_, sizeof(text) - 1);                                                     \
		rc_;                                                                                                   \
	})

#define PAGE 512u

/* Of a bucket: one that begins with a package, not with the next package's number. */
static uint32_t page_of_type(const struct bytes *b, uint8_t type)
{
	for (uint32_t i = 1; i < b->size / PAGE; i++) {
		const uint8_t *page = b->data + i * PAGE;
		if (page[25] == type && (type != 13 || (get_le16(page + 20) && get_le32(page + get_le16(page + 26) + 1))))
			return i * PAGE;
	}
	NEED(false);
	return 0;
}

static void check_found(void)
{
	vouchers_settle(&v);
	CHECK_INT(v.count, 2);
	CHECK(v.count == 2 && !strcmp(v.items[0].path, "usr/bin/iota") && v.items[0].kind == DIGEST_SHA256);
}

static void berkeley(void)
{
	static const char *const paths[] = {"fixtures/package/rpm/Packages.1234", "fixtures/package/rpm/Packages.4321"};
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct bytes b = bytes_load(paths[i]);
		CHECK_INT(read_copy(rpm_read_bdb, b.data, b.size), 0);
		CHECK_INT(v.count, 10); /* of five packages with files; one without files is removed */
		check_found();
		for (size_t n = 0; n < b.size; n += 100) {
			CHECK_INT(read_copy(rpm_read_bdb, b.data, n), -1);
			CHECK_INT(why.cls, ERROR_CORRUPT);
		}
		/* More than there is of it may be allocated. */
		b.data = realloc(b.data, b.size + 3 * PAGE);
		NEED(b.data);
		memset(b.data + b.size, 0, 3 * PAGE);
		CHECK_INT(read_copy(rpm_read_bdb, b.data, b.size + 3 * PAGE), 0);
		free(b.data);
	}
}

static void berkeley_damaged(void)
{
	struct bytes b = bytes_load("fixtures/package/rpm/Packages.1234");
	const uint32_t hash = page_of_type(&b, 13), large = page_of_type(&b, 7);
	const uint32_t key = get_le16(b.data + hash + 26), value = get_le16(b.data + hash + 28);
	const struct {
		int rc;
		enum error_class cls;
	} cases[] = {
		{WITH(rpm_read_bdb, &b, 12, "x"), why.cls},
		{WITH(rpm_read_bdb, &b, 25, "\x09"), why.cls},			  /* a B-tree */
		{WITH(rpm_read_bdb, &b, 20, "\0\1"), why.cls},			  /* pages of 256 */
		{WITH(rpm_read_bdb, &b, 20, "\1\2"), why.cls},			  /* of 513 */
		{WITH(rpm_read_bdb, &b, 20, "\0\0\2"), why.cls},		  /* of 131072 */
		{WITH(rpm_read_bdb, &b, 32, "\xff"), why.cls},			  /* more than there are */
		{WITH(rpm_read_bdb, &b, 72, "\xff\xff\xff\xff"), why.cls},	  /* buckets without an end */
		{WITH(rpm_read_bdb, &b, 96, "\0\0\0\0"), why.cls},		  /* bucket 0 is the description */
		{WITH(rpm_read_bdb, &b, hash + 8, "\xee"), why.cls},		  /* another page's number */
		{WITH(rpm_read_bdb, &b, hash + 16, "\xff\xff"), why.cls},	  /* the next one is not there */
		{WITH(rpm_read_bdb, &b, hash + 20, "\3\0"), why.cls},		  /* a key alone */
		{WITH(rpm_read_bdb, &b, hash + 20, "\xfe\xfe"), why.cls},	  /* more items than fit */
		{WITH(rpm_read_bdb, &b, hash + 25, "\7"), why.cls},
		{WITH(rpm_read_bdb, &b, hash + 26, "\0\2"), why.cls},		  /* a key behind the page's end */
		{WITH(rpm_read_bdb, &b, hash + 28, "\xff\1"), why.cls},		  /* a value behind its key */
		{WITH(rpm_read_bdb, &b, hash + 28, "\4\0"), why.cls},		  /* and in the page's head */
		{WITH(rpm_read_bdb, &b, hash + key, "\3"), why.cls},
		{WITH(rpm_read_bdb, &b, hash + key - 1, "\1\1"), why.cls},
		{WITH(rpm_read_bdb, &b, hash + value, "\2"), why.cls},		  /* duplicates */
		{WITH(rpm_read_bdb, &b, large + 25, "\0"), why.cls},
		{WITH(rpm_read_bdb, &b, large + 22, "\0\0"), why.cls},		  /* it holds nothing */
		{WITH(rpm_read_bdb, &b, large + 22, "\xe7\1"), why.cls},	  /* more than it can */
		{WITH(rpm_read_bdb, &b, large + 16, "\0\0\0\0"), why.cls},	  /* the item ends too early */
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool last_byte_of_value = i == 17; /* it belongs to a header, which is its own judge */
		CHECK(cases[i].rc < 0 || last_byte_of_value);
		if (cases[i].rc == 0 && !last_byte_of_value)
			fprintf(stderr, "case %zu\n", i);
		CHECK(cases[i].rc == 0 || cases[i].cls == ERROR_CORRUPT);
	}
	/* A list that leads back to where it came from. */
	uint8_t self[4];
	put_le32(self, hash / PAGE);
	memcpy(b.data + hash + 16, self, 4);
	CHECK_INT(read_copy(rpm_read_bdb, b.data, b.size), -1);
	CHECK(strstr(why.text, "two lists"));
	free(b.data);

	b = bytes_load("fixtures/package/rpm/Packages.1234");
	CHECK_INT(WITH(rpm_read_bdb, &b, 16, "\7"), -1);
	CHECK_INT(why.cls, ERROR_UNSUPPORTED);
	CHECK_INT(WITH(rpm_read_bdb, &b, 24, "\1"), -1);
	CHECK_INT(why.cls, ERROR_UNSUPPORTED);
	CHECK_INT(WITH(rpm_read_bdb, &b, 26, "\1"), -1);
	CHECK_INT(why.cls, ERROR_UNSUPPORTED);
	/* Any byte may be any: it ends, and nothing is read from elsewhere. */
	for (size_t at = 0; at < b.size; at++) {
		static const uint8_t flips[] = {0xff, 0x01, 0x80};
		for (size_t i = 0; i < ARRAY_SIZE(flips); i++) {
			b.data[at] ^= flips[i];
			int rc = read_copy(rpm_read_bdb, b.data, b.size);
			CHECK(rc == 0 || why.cls == ERROR_CORRUPT || why.cls == ERROR_UNSUPPORTED);
			b.data[at] ^= flips[i];
		}
	}
	free(b.data);
}

/* Pages that were never written are of a database in which nothing is, and of no other. */
static void berkeley_unwritten(void)
{
	struct bytes b = bytes_load("fixtures/package/rpm/Packages.none");
	CHECK_INT(read_copy(rpm_read_bdb, b.data, b.size), 0);
	CHECK_INT(v.count, 0);
	CHECK_INT(WITH(rpm_read_bdb, &b, 88, "\1"), -1);
	CHECK_INT(WITH(rpm_read_bdb, &b, 96, "\0"), -1); /* the description is no bucket */
	CHECK_INT(WITH(rpm_read_bdb, &b, 96, "\3"), -1);
	CHECK_INT(WITH(rpm_read_bdb, &b, PAGE + 8, "\1"), -1); /* something is in it */
	CHECK_INT(WITH(rpm_read_bdb, &b, 72, "\xff\xff\xff\xff"), -1);
	put_le32(b.data + 104, (uint32_t)-1);
	CHECK_INT(WITH(rpm_read_bdb, &b, 72, "\2"), -1); /* bucket 2 on the page of bucket 0 */
	free(b.data);
	b = bytes_load("fixtures/package/rpm/Packages.1234");
	const uint32_t hash = page_of_type(&b, 13);
	memset(b.data + hash, 0, PAGE);
	CHECK_INT(read_copy(rpm_read_bdb, b.data, b.size), -1);
	CHECK_INT(why.cls, ERROR_CORRUPT);
	free(b.data);
}

/* A large item whose length is not that of its pages. */
static void berkeley_large(void)
{
	struct bytes b = bytes_load("fixtures/package/rpm/Packages.1234");
	size_t changed = 0;
	for (uint32_t page = PAGE; page < b.size; page += PAGE) {
		uint32_t count = b.data[page + 25] == 13 ? get_le16(b.data + page + 20) : 0;
		for (uint32_t i = 1; i < count; i += 2) {
			uint8_t *item = b.data + page + get_le16(b.data + page + 26 + 2 * (size_t)i);
			const uint32_t was = get_le32(item + 8);
			const uint32_t lengths[] = {0, was - 1, was + 1, 0x7fffffff};
			if (*item != 3)
				continue;
			for (size_t k = 0; k < ARRAY_SIZE(lengths); k++) {
				put_le32(item + 8, lengths[k]);
				CHECK_INT(read_copy(rpm_read_bdb, b.data, b.size), -1);
				CHECK_INT(why.cls, ERROR_CORRUPT);
			}
			put_le32(item + 8, was);
			changed++;
		}
	}
	CHECK_INT(changed, 5);
	free(b.data);
}

/* Pages of slots, and behind them so many packages with that header; every third slot is free. */
static struct bytes ndb(uint32_t pages, uint32_t packages, const struct bytes *header)
{
	const uint32_t blocks = (uint32_t)(16 + header->size + 12 + 15) / 16;
	struct bytes b = {.size = pages * 4096 + (size_t)packages * 16 * blocks};
	b.data = calloc(1, b.size);
	NEED(b.data);
	memcpy(b.data, "RpmP", 4);
	put_le32(b.data + 8, 7);
	put_le32(b.data + 12, pages);
	put_le32(b.data + 16, packages + 1);
	for (uint32_t slot = 2, i = 0; slot < pages * 256; slot++) {
		uint8_t *at = b.data + 16 * (size_t)slot;
		memcpy(at, "Slot", 4);
		if (slot % 3 == 0 || i == packages)
			continue;
		const uint32_t from = pages * 256 + i * blocks;
		put_le32(at + 4, ++i);
		put_le32(at + 8, from);
		put_le32(at + 12, blocks);
		uint8_t *head = b.data + 16 * (size_t)from, *tail = head + 16 * (size_t)blocks - 12;
		memcpy(head, "BlbS", 4);
		put_le32(head + 4, i);
		put_le32(head + 8, 1767323045);
		put_le32(head + 12, (uint32_t)header->size);
		memcpy(head + 16, header->data, header->size);
		put_le32(tail, adler32_sum(head, (size_t)(tail - head)));
		put_le32(tail + 4, (uint32_t)header->size);
		memcpy(tail + 8, "BlbE", 4);
	}
	return b;
}

static void own(void)
{
	struct bytes header = bytes_load("fixtures/package/rpm/header");
	struct bytes b = ndb(1, 1, &header);
	CHECK_INT(read_copy(rpm_read_ndb, b.data, b.size), 0);
	CHECK_INT(v.count, 2);
	check_found();
	/* All that is of the package is under its checksum; what is free, and the generation, is nobody's. */
	for (size_t at = 0; at < b.size; at++) {
		bool free_one = at >= 48 && at < 4096 && at % 16 >= 4 && (at % 16 < 8 || at % 16 >= 12);
		bool nobodys = (at >= 8 && at < 12) || (at >= 16 && at < 32) || free_one;
		b.data[at] ^= 0x40;
		int rc = read_copy(rpm_read_ndb, b.data, b.size);
		CHECK(rc == (nobodys ? 0 : -1));
		CHECK(rc == 0 || why.cls == ERROR_CORRUPT || (at >= 4 && at < 8 && why.cls == ERROR_UNSUPPORTED));
		b.data[at] ^= 0x40;
	}
	for (size_t n = 0; n < b.size; n += 7) {
		CHECK_INT(read_copy(rpm_read_ndb, b.data, n), -1);
		CHECK_INT(why.cls, ERROR_CORRUPT);
	}
	CHECK_INT(WITH(rpm_read_ndb, &b, 12, "\0\0\0\0"), -1); /* no slots */
	CHECK_INT(WITH(rpm_read_ndb, &b, 44, "\0\0\0\0"), -1); /* no blocks */
	CHECK_INT(WITH(rpm_read_ndb, &b, 44, "\1\0\0\0"), -1); /* too few */
	CHECK_INT(WITH(rpm_read_ndb, &b, 40, "\1\0\0\0"), -1); /* among the slots */
	CHECK_INT(WITH(rpm_read_ndb, &b, 40, "\xff\xff\xff\xff"), -1);
	free(b.data);

	b = ndb(3, 500, &header);
	CHECK_INT(read_copy(rpm_read_ndb, b.data, b.size), 0);
	CHECK_INT(v.count, 1000);
	check_found();
	/* One package in two slots: together more than there is. */
	memcpy(b.data + 16 * 3 + 4, b.data + 16 * 2 + 4, 12);
	CHECK_INT(read_copy(rpm_read_ndb, b.data, b.size), -1);
	CHECK_INT(why.cls, ERROR_CORRUPT);
	free(b.data);
	/* Two lengths that agree with each other, and not with the blocks. */
	b = ndb(1, 1, &header);
	uint8_t *head = b.data + 4096, *tail = b.data + b.size - 12;
	for (uint32_t n = 0; n < header.size + 40; n++) {
		put_le32(head + 12, n);
		put_le32(tail + 4, n);
		put_le32(tail, adler32_sum(head, (size_t)(tail - head)));
		CHECK_INT(read_copy(rpm_read_ndb, b.data, b.size), n == header.size ? 0 : -1);
	}
	free(b.data);
	free(header.data);
}

/* A machine's files. */
static struct {
	const char *path;
	struct bytes b;
	enum error_class failing;
} tree[4];

static int tree_read(void *ctx, const char *path, size_t max, char **data, size_t *len, int64_t *mtime, struct error *e)
{
	(void)ctx;
	*mtime = 0;
	for (size_t i = 0; i < ARRAY_SIZE(tree) && tree[i].path; i++) {
		if (strcmp(tree[i].path, path))
			continue;
		if (tree[i].failing || tree[i].b.size > max)
			return error_set(e, tree[i].failing ? tree[i].failing : ERROR_LIMIT, 0, "it can't be read");
		*len = tree[i].b.size;
		*data = malloc(*len + 1);
		NEED(*data);
		memcpy(*data, tree[i].b.data, *len);
		return 1;
	}
	return 0;
}

static int load(void)
{
	struct tree_reader r = {NULL, tree_read, NULL};
	vouchers_free(&v);
	memset(&why, 0, sizeof why);
	return package_rpm.load(&r, &v, &why);
}

static void places(void)
{
	struct bytes header = bytes_load("fixtures/package/rpm/header");
	struct bytes berkeley = bytes_load("fixtures/package/rpm/Packages.1234"), ours = ndb(1, 1, &header);
	struct bytes none = {.data = header.data, .size = 0};
	memset(tree, 0, sizeof tree);
	CHECK_INT(load(), 0);
	tree[0].path = "var/lib/rpm/Packages", tree[0].b = berkeley;
	CHECK_INT(load(), 1);
	CHECK_INT(v.count, 2);
	CHECK_STR(v.database, "rpm");
	tree[0].path = "usr/lib/sysimage/rpm/Packages.db", tree[0].b = ours;
	CHECK_INT(load(), 1);
	CHECK_INT(v.count, 2);
	/* What an older rpm left behind is not looked at, unless the newer one's was only made. */
	tree[1].path = "var/lib/rpm/Packages", tree[1].b = header;
	CHECK_INT(load(), 1);
	tree[0].b = none;
	CHECK_INT(load(), -1);
	CHECK_INT(why.cls, ERROR_CORRUPT);
	CHECK(strstr(why.text, "var/lib/rpm/Packages"));
	tree[1].b = berkeley;
	CHECK_INT(load(), 1);
	tree[0].b = ours;
	tree[0].failing = ERROR_IO;
	CHECK_INT(load(), -1);
	CHECK_INT(why.cls, ERROR_IO);
	tree[0].failing = 0;
	/* Programs are not as they were installed. */
	tree[2].path = "etc/prelink.cache", tree[2].b = header;
	CHECK_INT(load(), 0);
	tree[2].b = none;
	CHECK_INT(load(), 0);
	tree[2].failing = ERROR_IO;
	CHECK_INT(load(), -1);
	CHECK_INT(why.cls, ERROR_IO);
	free(header.data);
	free(berkeley.data);
	free(ours.data);
}

static void sums(void)
{
	uint8_t long_one[20000];
	memset(long_one, 0xff, sizeof long_one);
	CHECK_INT(adler32_sum((const uint8_t *)"", 0), 1);
	CHECK_INT(adler32_sum((const uint8_t *)"Wikipedia", 9), 0x11e60398);
	/* a: 1 + 20000 * 255; b: 20000 + 255 * (1 + ... + 20000); both modulo 65521. */
	CHECK_INT(adler32_sum(long_one, sizeof long_one),
		  (uint32_t)((20000u + 255ull * 20000 * 20001 / 2) % 65521) << 16 | (1 + 20000u * 255) % 65521);
}

int main(void)
{
	RUN(berkeley);
	RUN(berkeley_damaged);
	RUN(berkeley_unwritten);
	RUN(berkeley_large);
	RUN(own);
	RUN(places);
	RUN(sums);
	vouchers_free(&v);
	return test_done();
}
