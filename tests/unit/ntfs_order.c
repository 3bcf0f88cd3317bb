// SPDX-License-Identifier: GPL-3.0-or-later
/* NTFS: the order of directories' entries, as libntfs-3g makes it, and what is not in order. */
#include <errno.h>

#include "../../src/fs/ntfs_verify.h"
#include "ntfs_make.h"

#define DIRS "ntfs.directories"
#define FILES 1500u

/* Random names: some differ in case alone, many begin alike, letters of all kinds and such as are not in the table. */
static size_t random_name(struct rng *r, uint8_t *to)
{
	static const uint16_t letters[] = {'a', 'A', 'z', 'Z', '_', '[', '~', 0xe4, 0xc4, 0xdf, 0x131, 0x3c3, 0x3a3,
					   0x3c2, 0x430, 0x410, 0x1e9e, 0x2170, 0x2160, 0x24d0, 0xa641, 0xd83d, 0xde00,
					   0xff41, 0xff21, 0xfffe};
	size_t same = (size_t)rng_below(r, 60), n = same + 1 + (size_t)rng_below(r, 40);
	for (size_t i = 0; i < n; i++)
		put(to + 2 * i, i < same ? 'q' : letters[rng_below(r, ARRAY_SIZE(letters))], 2);
	return n;
}

static void make_sorted(ntfs_volume *vol, ntfs_inode *root)
{
	struct rng r = {7};
	ntfs_inode *dir = new_file(root, "sorted", S_IFDIR);
	(void)vol;
	for (unsigned k = 0; k < FILES; k++) {
		uint8_t name[512];
		size_t n = random_name(&r, name);
		/* (The same once more is refused.) */
		ntfs_inode *ni = ntfs_create(dir, const_cpu_to_le32(0), (void *)name, (u8)n, S_IFREG);
		NEED(!ni || !ntfs_inode_close(ni));
	}
	NEED(!ntfs_inode_close(dir));
}

/* Block n of a directory's index; NULL behind the last. */
static uint8_t *block_at(const struct rec *r, uint64_t n)
{
	struct rec copy = *r;
	uint8_t *a = attribute(copy.b, 0xa0), *p = a + get_le16(a + 32);
	for (int64_t lcn = 0; *p; p += 1 + (*p & 15) + (*p >> 4)) {
		uint64_t length = 0;
		unsigned wide_length = *p & 15, wide_lcn = *p >> 4;
		for (unsigned k = wide_length; k; k--)
			length = length << 8 | p[k];
		int64_t step = (int8_t)p[wide_length + wide_lcn];
		for (unsigned k = wide_lcn - 1; k; k--)
			step = step * 256 + p[wide_length + k];
		lcn += step;
		if (n < length)
			return r->i->data + ((uint64_t)lcn + n) * 4096;
		n -= length;
	}
	return NULL;
}

static uint8_t *first_entry(uint8_t *block)
{
	return block + 24 + get_le32(block + 24);
}

static struct image sorted;

static void test_as_made(void)
{
	struct seen s;
	uint64_t blocks = 0;
	sorted = changed(make_sorted);
	struct rec dir = rec_read(&sorted, number_of(&sorted, "sorted"));
	for (uint8_t *p; (p = block_at(&dir, blocks)) && !memcmp(p, "INDX", 4);)
		blocks++;
	CHECK(blocks > 40);
	look("ntfs", &sorted, sorted.size, &s);
	if (structure(&s) != OUTCOME_HELD)
		dump(&s);
	CHECK_INT(structure(&s), OUTCOME_HELD);
	drop(&s);
}

enum change { SWAPPED, BLOCKS_SWAPPED, TWICE, OTHER_CASE, DIRTY, CHANGES };

/* The first two entries of a block in each other's place. */
static void swap_entries(uint8_t *block)
{
	unprotect(block, 4096);
	uint8_t *a = first_entry(block), keep[600];
	size_t n = get_le16(a + 8), m = get_le16(a + n + 8);
	memcpy(keep, a, n);
	memmove(a, a + n, m);
	memcpy(a + m, keep, n);
	protect(block, 4096);
}

/* The second entry of a block gets the first one's name, in its record as well; or that in other letters. */
static void rename_second(const struct image *i, uint8_t *block, bool other_case)
{
	unprotect(block, 4096);
	uint8_t *a = first_entry(block), *b = a + get_le16(a + 8);
	NEED(a[80] == b[80]);
	memcpy(b + 82, a + 82, 2ul * a[80]);
	if (other_case)
		b[82 + 4] ^= 0x20;
	struct rec r = rec_read(i, get_le32(b));
	uint8_t *name = attribute(r.b, 0x30);
	memcpy(name + get_le16(name + 20) + 66, b + 82, 2ul * b[80]);
	rec_write(&r);
	protect(block, 4096);
}

static void test_out_of_order(void)
{
	for (unsigned c = 0; c < CHANGES; c++) {
		struct image i = copy_image(&whole);
		struct rec r = rec_read(&i, number_of(&whole, "many"));
		uint8_t *block = block_at(&r, 0), *root = attribute(r.b, 0x90);
		int before = test_bad_here;
		root += get_le16(root + 20) + 32;
		if (c == SWAPPED || c == DIRTY)
			swap_entries(block);
		if (c == BLOCKS_SWAPPED) { /* each in order, and in the place of the other */
			uint8_t *one = root + get_le16(root + 8) - 8, *end = one + 8;
			end += get_le16(end + 8) - 8;
			uint64_t vcn = get_le64(one);
			put(one, get_le64(end), 8);
			put(end, vcn, 8);
			rec_write(&r);
		}
		if (c == TWICE || c == OTHER_CASE)
			rename_second(&i, block, c == OTHER_CASE);
		if (c == DIRTY) {
			struct rec v = rec_read(&i, 3);
			attribute(v.b, 0x70)[24 + 10] |= 1;
			rec_write(&v);
		}
		EXPECT(&i, c == OTHER_CASE ? OUTCOME_HELD : c == DIRTY ? OUTCOME_UNPROVEN : OUTCOME_BROKEN, DIRS);
		if (test_bad_here != before)
			fprintf(stderr, "change %u\n", c);
		free(i.data);
	}
}

/* Each block leads to the next one, and has no name: libntfs-3g goes down no further than to the 32nd. */
static void test_depth(void)
{
	struct image i = copy_image(&sorted);
	struct rec dir = rec_read(&i, number_of(&sorted, "sorted"));
	struct seen s;
	uint64_t count = 0;
	for (uint8_t *p; (p = block_at(&dir, count)) && !memcmp(p, "INDX", 4);)
		count++;
	for (uint64_t n = 0; n < count; n++) {
		uint8_t *p = block_at(&dir, n), *end = first_entry(p);
		bool last = n + 1 == count;
		unprotect(p, 4096);
		memset(end, 0, 32);
		put(end + 8, last ? 16 : 24, 2);
		put(end + 12, last ? 2 : 3, 2);
		if (!last)
			put(end + 16, n + 1, 8);
		put(p + 28, (uint64_t)(end - (p + 24)) + (last ? 16 : 24), 4);
		protect(p, 4096);
	}
	uint8_t *root = attribute(dir.b, 0x90), *value = root + get_le16(root + 20), *end = value + 16 + get_le32(value + 16);
	size_t old = get_le32(root + 4), length = (size_t)(end + 24 - root);
	memset(end, 0, 24);
	put(end + 8, 24, 2);
	put(end + 12, 3, 2);
	put(value + 20, (uint64_t)(end + 24 - (value + 16)), 4);
	put(root + 16, (uint64_t)(end + 24 - value), 4);
	memmove(root + length, root + old, (size_t)(dir.b + dir.used - (root + old)));
	put(root + 4, length, 4);
	dir.used -= old - length;
	rec_write(&dir);
	look("ntfs", &i, i.size, &s);
	bool told = false;
	for (size_t k = 0; k < s.f.count; k++)
		told |= strstr(s.f.items[k].detail, "too deep") && s.f.items[k].outcome == OUTCOME_BROKEN;
	CHECK(told);
	drop(&s);
	free(i.data);
}

/* What the library's handles need, without the row of the registry. */
struct inside {
	struct source *src;
	struct findings f;
	struct ntfs *fs;
	ntfs_inode *ni;
	ntfs_attr *na;
	struct ntfs_verify v;
	struct ntfs_tree t;
	struct error e;
};

static void get_inside(struct inside *x, const struct image *i)
{
	static const uint16_t i30[4] = {'$', 'I', '3', '0'};
	struct fs_info info;
	void *self = NULL;
	memset(x, 0, sizeof *x);
	NEED(!findings_init(&x->f));
	x->src = source_memory(i->data, i->size, "image", &x->e);
	NEED(x->src && fs_ntfs.open(x->src, "image", &x->f, &self, &info, &x->e) == 0);
	x->fs = self;
	x->t = (struct ntfs_tree){.no = number_of(&whole, "many"), .block = 4096, .vcn_bytes = 4096, .children = 5};
	x->ni = ntfs_lib_inode(x->fs, x->t.no, &x->e);
	NEED(x->ni && ntfs_lib_attr(x->fs, x->ni, ATTR_INDEX, i30, 4, &x->na, &x->e) == 1);
	x->v = (struct ntfs_verify){.fs = x->fs, .subject = "image", .f = &x->f};
}

static void get_out(struct inside *x)
{
	ntfs_lib_put_attr(&x->na);
	ntfs_lib_put(&x->ni);
	fs_ntfs.destroy(x->fs);
	source_destroy(x->src);
	findings_free(&x->f);
}

/* An entry: a name, or (NULL) the end; below: the block below it, -1: none. */
static size_t entry(uint8_t *p, const char *name, int below)
{
	size_t units = name ? strlen(name) : 0, n = name ? (82 + 2 * units + 7) & ~7ul : 16;
	memset(p, 0, n + 8);
	p[80] = name ? (uint8_t)units : 0;
	for (size_t k = 0; k < units; k++)
		put(p + 82 + 2 * k, (uint8_t)name[k], 2);
	p[12] = (uint8_t)((name ? 0 : 2) | (below < 0 ? 0 : 1));
	if (below >= 0) {
		put(p + n, (unsigned)below, 8);
		n += 8;
	}
	put(p + 8, n, 2);
	return n;
}

static void test_names(void)
{
	static const struct {
		const char *a, *b;
		bool told;
	} cases[] = {
		{"a", "b", false}, {"b", "a", true}, {"a", "A", false}, {"A", "a", false}, {"a", "a", true},
		{"ab", "a", true}, {"a", "ab", false}, {"B", "a", true}, {"_", "a", true}, {"a", "_", false},
	};
	struct inside x;
	get_inside(&x, &whole);
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		uint8_t h[400];
		unsigned before = x.v.bad_links;
		put(h, 16, 4);
		size_t n = 16 + entry(h + 16, cases[k].a, -1);
		n += entry(h + n, cases[k].b, -1);
		entry(h + n, NULL, -1);
		x.fs->clean = true;
		CHECK_INT(ntfs_verify_order(&x.v, &x.t, h, NULL, &x.e), 0);
		CHECK_INT(x.v.bad_links - before, cases[k].told);
	}
	get_out(&x);
}

/* Blocks that were whole when they were read the first time. */
static void test_changed_meanwhile(void)
{
	for (unsigned k = 0; k < 10; k++) {
		struct image i = copy_image(&whole);
		struct rec r = rec_read(&i, number_of(&whole, "many"));
		struct inside x;
		struct budget b;
		uint8_t *block = block_at(&r, 0), *first = first_entry(block), h[64];
		unprotect(block, 4096);
		if (k == 1)
			put(block + 24, 5000, 4);
		if (k == 2)
			put(first + 8, 5000, 2);
		if (k == 3)
			put(first + 8, 40, 2);
		if (k == 4)
			first[80] = 200;
		if (k == 5)
			entry(first, NULL, 0); /* it leads to itself */
		if (k == 6)
			put(block + 24, 4096 - 24, 4);
		protect(block, 4096);
		if (k == 7)
			block[510] ^= 1;
		get_inside(&x, &i);
		budget_init(&b);
		x.v.b = k ? NULL : &b;
		put(h, 16, 4);
		entry(h + 16, NULL, k == 8 ? 1000 : 0);
		if (k == 9)
			b.deadline_ns = 1, x.v.b = &b;
		int rc = ntfs_verify_order(&x.v, &x.t, h, x.na, &x.e);
		CHECK_INT(rc, k ? -1 : 0);
		CHECK_INT(x.v.bad_links, 0);
		if (k)
			CHECK_INT(x.e.cls, k == 8 ? ERROR_CORRUPT : k == 9 ? ERROR_LIMIT : ERROR_IO);
		get_out(&x);
		free(i.data);
	}
}

/* Runs that the library should not give. */
static void test_odd_runs(void)
{
	struct inside x;
	uint8_t b[16];
	get_inside(&x, &whole);
	NEED(!ntfs_lib_read(x.fs, x.na, 0, b, sizeof b, &x.e));
	runlist_element *rl = x.na->rl, keep = *rl;
	rl->lcn = -5;
	CHECK(ntfs_lib_read(x.fs, x.na, 0, b, sizeof b, &x.e) < 0 && strstr(x.e.text, "outside the volume"));
	*rl = keep;
	rl->vcn = 1;
	CHECK(ntfs_lib_read(x.fs, x.na, 0, b, sizeof b, &x.e) < 0 && strstr(x.e.text, "has no run"));
	*rl = keep;
	x.na->rl = NULL;
	CHECK(ntfs_lib_read(x.fs, x.na, 0, b, sizeof b, &x.e) < 0 && strstr(x.e.text, "has no runs"));
	x.na->rl = rl;
	CHECK(!ntfs_lib_read(x.fs, x.na, 0, b, sizeof b, &x.e));
	get_out(&x);
}

/* The library's errors as ours. */
static void test_errors(void)
{
	struct inside x;
	get_inside(&x, &whole);
	errno = EOPNOTSUPP;
	CHECK(ntfs_lib_error(x.fs, &x.e, "something") == -1 && x.e.cls == ERROR_UNSUPPORTED);
	errno = ENOMEM;
	CHECK(ntfs_lib_error(x.fs, &x.e, "something") == -1 && x.e.cls == ERROR_INTERNAL);
	errno = ENOENT;
	CHECK(ntfs_lib_error(x.fs, &x.e, "something") == -1 && x.e.cls == ERROR_CORRUPT);
	x.fs->disk.failed = true;
	x.fs->disk.error.cls = ERROR_IO;
	CHECK(ntfs_lib_error(x.fs, NULL, "something") == -1);
	x.fs->disk.failed = true;
	CHECK(ntfs_lib_error(x.fs, &x.e, "something") == -1 && x.e.cls == ERROR_IO && !x.fs->disk.failed);
	get_out(&x);
}

int main(void)
{
	whole = load_image(FIXTURE);
	ntfs_log_set_handler(ntfs_log_handler_null);
	RUN(test_as_made);
	RUN(test_out_of_order);
	RUN(test_depth);
	RUN(test_names);
	RUN(test_changed_meanwhile);
	RUN(test_odd_runs);
	RUN(test_errors);
	free(sorted.data);
	free(whole.data);
	return test_done();
}
