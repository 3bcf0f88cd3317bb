// SPDX-License-Identifier: GPL-3.0-or-later
/* NTFS against lists made through ntfs-3g's mount; then damage, and logs that owe something. */
#include "ntfs_help.h"

#ifdef HAVE_WIM
#define HAVE_COMPACT 1
#else
#define HAVE_COMPACT 0
#endif

static const char *const kinds[] = {"c4096", "c512", "c65536", "s4096"};

/* ---------------------------------------------------------------------------------------- contents */

static int take_stream(void *ctx, const char *name, const void *value, size_t len, struct error *e)
{
	(void)e;
	*(int *)ctx += !strcmp(name, "ads.one") && len == 6 && !memcmp(value, "secret", 6);
	return 0;
}

static void check_lookups(struct fs *fs)
{
	struct error e;
	struct fs_entry it, other;
	int streams = 0;
	CHECK_INT(fs_lookup(fs, "DEEP/A/HARD LINK", true, &it, &e), 1);
	CHECK_INT(fs_lookup(fs, "random.bin", true, &other, &e), 1);
	CHECK_INT(it.id, other.id);
	CHECK_INT(it.links, 2);
	CHECK_INT(fs_lookup(fs, "ÜNÏCODE/😀.TXT", true, &it, &e), 1);
	CHECK_INT(fs_lookup(fs, "$MFT", true, &it, &e), 1);
	CHECK_INT(fs_lookup(fs, "none", true, &it, &e), 0);
	CHECK_INT(fs_lookup(fs, "random.bin/x", true, &it, &e), 0);
	CHECK_INT(fs_lookup(fs, "link/../a/hard link", true, &it, &e), 1);
	CHECK_INT(fs_lookup(fs, "junction/b/names", true, &it, &e), 1);
	CHECK_INT(it.links, 13);
	CHECK_INT(fs_lookup(fs, "link", false, &it, &e), 1);
	CHECK(it.type == ENTRY_LINK);
	autofree char *target = fs_read_link(fs, &it, &e);
	CHECK_STR(target, "deep/a");
	CHECK_INT(fs_lookup(fs, "junction", false, &it, &e), 1);
	autofree char *absolute = fs_read_link(fs, &it, &e);
	CHECK_STR(absolute, "/deep/a");
	CHECK_INT(fs_lookup(fs, "system-compressed", false, &it, &e), 1);
	autostream struct stream *packed = fs_open_file(fs, &it, &e);
	CHECK(HAVE_COMPACT ? packed && !stream_drain(packed, &e) : !packed && e.cls == ERROR_UNSUPPORTED);
	CHECK_INT(fs_lookup(fs, "streams.txt", false, &it, &e), 1);
	CHECK_INT(fs_xattrs(fs, &it, take_stream, &streams, &e), 0);
	CHECK_INT(streams, 1);
}

static void test_contents(void)
{
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		autofree char *path = text_format("fixtures/ntfs/%s.img.zst", kinds[k]);
		autofree char *list = text_format("fixtures/ntfs/%s.sums", kinds[k]);
		size_t len;
		struct seen s;
		struct image i = load_image(path);
		autofree char *sums = load_file(list, &len);
		look("ntfs", &i, i.size, &s);
		if (structure(&s) != OUTCOME_HELD)
			dump(&s);
		CHECK_INT(structure(&s), OUTCOME_HELD);
		NEED(s.fs);
		const struct fs_info *info = fs_info(s.fs);
		CHECK_STR(info->label, "Prüfung");
		CHECK_INT(strlen(info->uuid), 16);
		CHECK(info->clean && !info->stale_view && !info->checksums && info->free && info->free < info->size);
		CHECK(s.newest > 1700000000);
		sums_text = sums;
		sums_met = sums_missed = dirs_met = 0;
		CHECK_INT(fs_walk(s.fs, "", NULL, compare_file, s.fs, &s.e), 0);
		CHECK_INT(sums_met, lines_of(sums) - !HAVE_COMPACT);
		CHECK_INT(sums_missed, !HAVE_COMPACT);
		CHECK_INT(dirs_met, 6);
		check_lookups(s.fs);
		drop(&s);
		free(i.data);
	}
}

/* A byte at a time out of compressed data. */
static void test_small_reads(void)
{
	struct seen s;
	struct fs_entry it;
	uint8_t a[1], *all = NULL;
	size_t len;
	look("ntfs", &whole, whole.size, &s);
	NEED(s.fs && fs_lookup(s.fs, "packed/mixed.txt", true, &it, &s.e) == 1);
	CHECK_INT(fs_read_file(s.fs, "packed/mixed.txt", MIB, (char **)&all, &len, &s.e), 1);
	autostream struct stream *in = fs_open_file(s.fs, &it, &s.e);
	NEED(in && all);
	for (size_t k = 0; k < len && stream_read(in, a, 1, &s.e) == 1; k++)
		if (a[0] != all[k]) {
			CHECK_INT(k, len);
			break;
		}
	CHECK_INT(stream_offset(in), len);
	free(all);
	drop(&s);
}

/* Files at random, against the same as streams. */
static void test_random(void)
{
	static const char *const plain[] = {"random.bin", "sparse"}, *const other[] = {"packed/mixed.txt", "resident.bin"};
	struct seen s;
	struct fs_entry it;
	look("ntfs", &whole, whole.size, &s);
	NEED(s.fs);
	for (size_t k = 0; k < ARRAY_SIZE(plain); k++) {
		char *all = NULL;
		uint8_t part[5000];
		size_t len;
		CHECK_INT(fs_read_file(s.fs, plain[k], 2 * MIB, &all, &len, &s.e), 1);
		NEED(fs_lookup(s.fs, plain[k], true, &it, &s.e) == 1);
		autosource struct source *src = fs_open_source(s.fs, &it, &s.e);
		NEED(src && all);
		CHECK_INT(source_size(src), len);
		for (size_t at = len; at-- > 0; at -= at < 777 ? at : 777) {
			size_t n = len - at < sizeof part ? len - at : sizeof part;
			if (source_read_at(src, at, part, n, &s.e) < 0 || memcmp(part, all + at, n)) {
				CHECK_INT(at, len);
				break;
			}
		}
		CHECK(source_read_at(src, len, part, 1, &s.e) < 0);
		source_destroy(take(src));
		free(all);
	}
	for (size_t k = 0; k < ARRAY_SIZE(other); k++) {
		NEED(fs_lookup(s.fs, other[k], true, &it, &s.e) == 1);
		CHECK(!fs_open_source(s.fs, &it, &s.e));
		CHECK_INT(s.e.cls, ERROR_UNSUPPORTED);
	}
	drop(&s);
}

/* ------------------------------------------------------------------------------------------ damage */

static void test_boot(void)
{
	struct image i = copy_image(&whole);
	i.data[510] = 0;
	EXPECT(&i, OUTCOME_BROKEN, "fs.open");
	i.data[510] = 0x55;
	i.data[i.size - 512 + 20] ^= 1;
	EXPECT(&i, OUTCOME_BROKEN, "ntfs.boot_copy");
	i.data[i.size - 512 + 20] ^= 1;
	uint8_t *mirror = i.data + get_le64(i.data + 56) * cluster_of(&i);
	mirror[200] ^= 1;
	EXPECT(&i, OUTCOME_BROKEN, "ntfs.mft_copy");
	/* The image may end with the file system. */
	struct seen s;
	mirror[200] ^= 1;
	look("ntfs", &i, i.size - 512, &s);
	CHECK(has(&s, "ntfs.boot_copy", OUTCOME_SKIPPED) && structure(&s) == OUTCOME_HELD);
	drop(&s);
	for (size_t cut = 0; cut < i.size - 512; cut += 1 + cut / 3)
		expect_at("ntfs", &i, cut, OUTCOME_BROKEN, NULL, __LINE__);
	free(i.data);
}

static void test_records(void)
{
	struct image i = copy_image(&whole);
	unsigned no = number_of(&whole, "sparse"), other = number_of(&whole, "random.bin");
	uint8_t *r = record(&i, no), keep[1024];
	memcpy(keep, r, sizeof keep);
	r[1022] ^= 1;
	EXPECT(&i, OUTCOME_BROKEN, "ntfs.records");
	memcpy(r, "BAAD", 4);
	memcpy(r + 4, keep + 4, sizeof keep - 4);
	EXPECT(&i, OUTCOME_BROKEN, "ntfs.records");
	memset(r, 0, sizeof keep);
	EXPECT(&i, OUTCOME_BROKEN, "ntfs.records");
	memcpy(r, keep, sizeof keep);
	put(attribute(r, 0x80) + 4, 0x10000, 4);
	EXPECT(&i, OUTCOME_BROKEN, "ntfs.records");
	memcpy(r, keep, sizeof keep);
	r[16]++; /* its sequence number: the directory means another */
	EXPECT(&i, OUTCOME_BROKEN, "ntfs.directories");
	memcpy(r, keep, sizeof keep);
	/* Clusters of another file, and such as do not exist. */
	uint8_t *to = record(&i, other), *a = attribute(r, 0x80), *b = attribute(to, 0x80);
	size_t pairs = get_le16(b + 32);
	(void)a;
	b[pairs + 1]++;
	EXPECT(&i, OUTCOME_BROKEN, "ntfs.clusters");
	b[pairs + 1]--;
	memset(b + pairs + 1 + (b[pairs] & 15), 0x7f, b[pairs] >> 4);
	EXPECT(&i, OUTCOME_BROKEN, "ntfs.clusters");
	free(i.data);
}

static void test_bitmap(void)
{
	struct image i = copy_image(&whole);
	size_t length;
	uint8_t *map = run_of(&i, 6, 0x80, &length);
	uint64_t mft = get_le64(i.data + 48);
	map[mft / 8] &= (uint8_t)~(1u << mft % 8);
	EXPECT(&i, OUTCOME_BROKEN, "ntfs.clusters");
	free(i.data);
}

static void test_index(void)
{
	struct image i = copy_image(&whole);
	size_t length;
	uint8_t *block = run_of(&i, number_of(&whole, "many"), 0xa0, &length), *keep = malloc(length);
	NEED(keep && !memcmp(block, "INDX", 4));
	memcpy(keep, block, length);
	block[510] ^= 1;
	EXPECT(&i, OUTCOME_BROKEN, "ntfs.directories");
	memcpy(block, keep, length);
	unprotect(block, 4096);
	uint8_t *first = block + 24 + get_le32(block + 24);
	put(first, get_le64(first) + 3, 8); /* it leads to another record */
	protect(block, 4096);
	EXPECT(&i, OUTCOME_BROKEN, "ntfs.directories");
	memcpy(block, keep, length);
	/* An entry less: the file is there, and no walk shows it. */
	unprotect(block, 4096);
	size_t gone = get_le16(first + 8), end = get_le32(block + 28);
	memmove(first, first + gone, 24 + end - (size_t)(first - block) - gone);
	put(block + 28, end - gone, 4);
	protect(block, 4096);
	EXPECT(&i, OUTCOME_BROKEN, "ntfs.directories");
	free(keep);
	free(i.data);
}

static void test_state(void)
{
	struct image i = copy_image(&whole);
	uint8_t *r = record(&i, 3);
	/* $Volume is in the mirror too. */
	uint8_t *mirror = i.data + get_le64(i.data + 56) * cluster_of(&i) + 3 * 1024;
	uint8_t *v = attribute(r, 0x70);
	v[get_le16(v + 20) + 10] |= 1;
	memcpy(mirror, r, 1024);
	EXPECT(&i, OUTCOME_UNPROVEN, "ntfs.state");
	struct seen s;
	look("ntfs", &i, i.size, &s);
	CHECK(s.fs && !fs_info(s.fs)->clean);
	drop(&s);
	free(i.data);
}

static void test_encrypted(void)
{
	struct image i = copy_image(&whole);
	struct seen s;
	struct fs_entry it;
	uint8_t *r = record(&i, number_of(&whole, "random.bin")), *a = attribute(r, 0x80), *t = attribute(r, 0x10);
	put(a + 12, 0x4000, 2);
	t[get_le16(t + 20) + 33] |= 0x40;
	look("ntfs", &i, i.size, &s);
	CHECK_INT(structure(&s), OUTCOME_HELD);
	NEED(s.fs && fs_lookup(s.fs, "random.bin", true, &it, &s.e) == 1);
	CHECK(!fs_open_file(s.fs, &it, &s.e));
	CHECK_INT(s.e.cls, ERROR_ENCRYPTED);
	drop(&s);
	free(i.data);
}

static void test_compressed(void)
{
	struct image i = copy_image(&whole);
	size_t length;
	struct seen s;
	struct fs_entry it;
	/* Its first unit: a block that goes on behind the end. */
	uint8_t *p = run_of(&i, number_of(&whole, "packed/mixed.txt"), 0x80, &length);
	memset(p + 2, 0xff, 600);
	look("ntfs", &i, i.size, &s);
	NEED(s.fs && fs_lookup(s.fs, "packed/mixed.txt", true, &it, &s.e) == 1);
	autostream struct stream *in = fs_open_file(s.fs, &it, &s.e);
	CHECK(in && stream_drain(in, &s.e) < 0 && s.e.cls == ERROR_CORRUPT);
	stream_destroy(take(in));
	drop(&s);
	free(i.data);
}

/* --------------------------------------------------------------------------------------------- log */

#define PAGE 4096u
#define FIRST (4 * PAGE + 0x40)

struct log {
	struct image i;
	uint8_t *p;
	size_t size, next; /* place of the next record */
	unsigned place_bits;
};

static uint64_t lsn_of(const struct log *l, size_t place)
{
	return UINT64_C(5) << l->place_bits | place >> 3;
}

static void put_header(uint8_t *page, const char *magic, unsigned at)
{
	memcpy(page, magic, 4);
	put(page + 4, at, 2);
	put(page + 6, 9, 2);
	put(page + at, 0x77, 2);
}

static void log_new(struct log *l)
{
	l->i = copy_image(&whole);
	l->p = run_of(&l->i, 2, 0x80, &l->size);
	l->place_bits = 64 - (unsigned)__builtin_clzll(l->size) - 3;
	l->next = FIRST;
	NEED(l->p[0] == 0xff && l->size >= 64 * KIB);
	put_header(memset(l->p + 4 * PAGE, 0, PAGE), "RCRD", 0x28);
}

/* Appends to the first page. */
static uint64_t log_add(struct log *l, unsigned type, unsigned transaction, const uint8_t *body, size_t len)
{
	uint8_t *r = l->p + l->next;
	uint64_t lsn = lsn_of(l, l->next);
	put(r, lsn, 8);
	put(r + 24, len, 4);
	put(r + 32, type, 4);
	put(r + 36, transaction, 4);
	memcpy(r + 48, body, len);
	l->next += (48 + len + 7) & ~7ul;
	put(l->p + 4 * PAGE + 8, lsn, 8);
	put(l->p + 4 * PAGE + 0x20, lsn, 8);
	return lsn;
}

static uint64_t log_checkpoint(struct log *l)
{
	uint8_t body[64] = {0};
	put(body + 8, lsn_of(l, l->next), 8);
	return log_add(l, 2, 0, body, sizeof body);
}

/* A change to MFT record no. */
static uint64_t log_change(struct log *l, unsigned no, unsigned op)
{
	uint8_t body[48] = {0};
	put(body, op, 2);
	put(body + 14, 1, 2);
	put(body + 20, no * 2 % (cluster_of(&l->i) / 512), 2);
	put(body + 32, get_le64(l->i.data + 48) + no * 1024ul / cluster_of(&l->i), 8);
	return log_add(l, 1, 0x18, body, sizeof body);
}

static void log_close(struct log *l, unsigned flags, uint64_t restart)
{
	protect(l->p + 4 * PAGE, PAGE);
	for (unsigned k = 0; k < 2; k++) {
		uint8_t *r = memset(l->p + k * PAGE, 0, PAGE), *a = r + 0x30, *c = a + 0x40;
		put_header(r, "RSTR", 30);
		put(r + 16, PAGE, 4);
		put(r + 20, PAGE, 4);
		put(r + 24, 0x30, 2);
		put(r + 26, 1, 2);
		put(r + 28, 1, 2);
		put(a, restart, 8);
		put(a + 8, 1, 2);
		put(a + 10, 0xffff, 2);
		put(a + 14, flags, 2);
		put(a + 16, 64 - l->place_bits, 4);
		put(a + 20, 0x40 + 160, 2);
		put(a + 22, 0x40, 2);
		put(a + 24, l->size, 8);
		put(a + 36, 48, 2);
		put(a + 38, 0x40, 2);
		put(c + 8, restart, 8);
		protect(r, PAGE);
	}
}

static void log_end(struct log *l, enum outcome want, int line)
{
	struct seen s;
	expect_at("ntfs", &l->i, l->i.size, want, want == OUTCOME_BROKEN ? "ntfs.log" : "fs.log", line);
	look("ntfs", &l->i, l->i.size, &s);
	NEED(s.fs);
	if (fs_info(s.fs)->stale_view != (want != OUTCOME_HELD)) {
		test_bad_here++;
		fprintf(stderr, "line %d: stale_view\n", line);
	}
	CHECK_INT(fs_info(s.fs)->clean, want == OUTCOME_HELD);
	drop(&s);
	free(l->i.data);
}

static void test_log(void)
{
	static const uint8_t forget[32] = {0x1b};
	struct log l;
	uint64_t lsn;
	unsigned no = number_of(&whole, "random.bin");
	/* Closed; open with nothing behind the checkpoint. */
	for (unsigned flags = 0; flags <= 2; flags += 2) {
		log_new(&l);
		log_close(&l, flags, log_checkpoint(&l));
		log_end(&l, OUTCOME_HELD, __LINE__);
	}
	/* A change that the record has not seen; one that it has; one whose transaction goes on. */
	for (int k = 0; k < 3; k++) {
		log_new(&l);
		uint64_t restart = log_checkpoint(&l);
		lsn = log_change(&l, no, 5);
		if (k)
			put(record(&l.i, no) + 8, lsn, 8);
		if (k < 2)
			log_add(&l, 1, 0x18, forget, sizeof forget);
		log_close(&l, 0, restart);
		log_end(&l, k == 1 ? OUTCOME_HELD : OUTCOME_UNPROVEN, __LINE__);
	}
}

static void test_log_damage(void)
{
	struct log l;
	uint8_t body[64] = {0};
	/* Tables that were not empty at the checkpoint. */
	for (unsigned k = 0; k < 2; k++) {
		log_new(&l);
		put(body + 8, lsn_of(&l, l.next), 8);
		put(body + 32 + k * 8, 1, 8);
		put(body + 56 + k * 4, 24, 4);
		log_close(&l, 0, log_add(&l, 2, 0, body, sizeof body));
		log_end(&l, OUTCOME_UNPROVEN, __LINE__);
		memset(body, 0, sizeof body);
	}
	/* A copy of the last page that knows more; a torn page; a checkpoint that is not there. */
	log_new(&l);
	log_close(&l, 0, log_checkpoint(&l));
	memcpy(l.p + 2 * PAGE, l.p + 4 * PAGE, PAGE);
	put(l.p + 2 * PAGE + 0x20, lsn_of(&l, l.next), 8);
	log_end(&l, OUTCOME_UNPROVEN, __LINE__);
	log_new(&l);
	log_close(&l, 0, log_checkpoint(&l));
	l.p[4 * PAGE + 1022] ^= 1;
	log_end(&l, OUTCOME_UNPROVEN, __LINE__);
	log_new(&l);
	log_close(&l, 0, log_checkpoint(&l) + 8);
	log_end(&l, OUTCOME_UNPROVEN, __LINE__);
	/* The last page beside its place, with a record more: first one that changes nothing, then one that does. */
	for (unsigned k = 0; k < 4; k++) {
		uint8_t noop[32] = {k & 1 ? 5 : 0}, before[PAGE];
		log_new(&l);
		uint64_t restart = log_checkpoint(&l);
		memcpy(before, l.p + 4 * PAGE, PAGE);
		log_add(&l, 1, 0, noop, sizeof noop);
		put(l.p + 4 * PAGE + 8, 4 * PAGE, 8);
		log_close(&l, 0, restart);
		memcpy(l.p + 2 * PAGE, l.p + 4 * PAGE, PAGE);
		memcpy(l.p + 4 * PAGE, before, PAGE);
		if (k < 2)
			protect(l.p + 4 * PAGE, PAGE);
		log_end(&l, k & 1 ? OUTCOME_UNPROVEN : OUTCOME_HELD, __LINE__);
	}
	/* One restart page is enough, none is not. */
	log_new(&l);
	log_close(&l, 0, log_checkpoint(&l));
	l.p[600] ^= 1;
	l.p[510] ^= 1;
	log_end(&l, OUTCOME_HELD, __LINE__);
	log_new(&l);
	log_close(&l, 2, log_checkpoint(&l));
	l.p[510] ^= 1;
	l.p[PAGE + 510] ^= 1;
	log_end(&l, OUTCOME_BROKEN, __LINE__);
	/* Restart pages erased, records left. */
	log_new(&l);
	log_end(&l, OUTCOME_BROKEN, __LINE__);
}

/* Hostile logs: nothing but an answer comes of them. */
static void test_log_mutants(void)
{
	static const uint8_t forget[32] = {0x1b};
	struct rng r = {3};
	struct log l;
	unsigned no = number_of(&whole, "random.bin"), held = 0, stale = 0;
	log_new(&l);
	uint64_t restart = log_checkpoint(&l);
	put(record(&l.i, no) + 8, log_change(&l, no, 5), 8);
	log_add(&l, 1, 0x18, forget, sizeof forget);
	log_close(&l, 0, restart);
	autofree uint8_t *keep = malloc(5 * PAGE);
	NEED(keep);
	memcpy(keep, l.p, 5 * PAGE);
	for (unsigned n = 0; n < 500; n++) {
		struct findings f;
		struct error e;
		NEED(!findings_init(&f));
		for (unsigned k = 1 + (unsigned)rng_below(&r, 4); k; k--) {
			size_t at = rng_below(&r, 2) ? rng_below(&r, 0x120) : 4 * PAGE + rng_below(&r, 0x180);
			uint8_t v = rng_below(&r, 2) ? (uint8_t)rng_next(&r) : (uint8_t)(l.p[at] ^ 1u << rng_below(&r, 8));
			l.p[at] = v;
			if (at < PAGE) /* both restart pages alike */
				l.p[PAGE + at] = v;
		}
		autosource struct source *src = source_memory(l.i.data, l.i.size, "image", &e);
		autodestroy(fs_destroy_auto) struct fs *fs = src ? fs_open("ntfs", src, "image", &f, &e) : NULL;
		NEED(fs);
		held += !fs_info(fs)->stale_view;
		stale += fs_info(fs)->stale_view;
		CHECK(fs_info(fs)->stale_view == (findings_proof(&f, PROOF_STRUCTURE) != OUTCOME_HELD));
		findings_free(&f);
		memcpy(l.p, keep, 5 * PAGE);
	}
	CHECK(held > 15 && stale > 150);
	free(l.i.data);
}

int main(void)
{
	whole = load_image(FIXTURE);
	RUN(test_contents);
	RUN(test_small_reads);
	RUN(test_random);
	RUN(test_boot);
	RUN(test_records);
	RUN(test_bitmap);
	RUN(test_index);
	RUN(test_state);
	RUN(test_encrypted);
	RUN(test_compressed);
	RUN(test_log);
	RUN(test_log_damage);
	RUN(test_log_mutants);
	free(whole.data);
	return test_done();
}
