// SPDX-License-Identifier: GPL-3.0-or-later
/* Files that Windows compressed by itself, made with wimlib's compressors: whole, damaged, and seeded mutants. */
#include "volume_image.h"

static struct image whole;
static const char *const kinds[] = {"xpress4k", "lzx", "xpress8k", "xpress16k"};

/* The class of the error that reading it ends with; NONE: it was read to a clean end. */
static enum error_class read_class(const struct image *i, const char *path)
{
	struct seen s = {.newest = 0};
	struct fs_entry it;
	enum error_class cls = ERROR_INTERNAL;
	NEED(!findings_init(&s.f));
	s.src = source_memory(i->data, i->size, "image", &s.e);
	s.fs = s.src ? fs_open("ntfs", s.src, "image", &s.f, &s.e) : NULL;
	NEED(s.fs);
	if (fs_lookup(s.fs, path, false, &it, &s.e) == 1) {
		autostream struct stream *in = fs_open_file(s.fs, &it, &s.e);
		cls = in && !stream_drain(in, &s.e) ? ERROR_NONE : s.e.cls;
		if (!cls)
			CHECK_INT(stream_offset(in), it.size);
	} else {
		cls = s.e.cls;
	}
	drop(&s);
	return cls;
}

/* MFT record of the file, still protected: all that is changed here lies before byte 510 of it. */
static uint8_t *record_of(const struct image *i, const char *path)
{
	struct seen s;
	struct fs_entry it;
	look("ntfs", i, i->size, &s);
	NEED(s.fs && fs_lookup(s.fs, path, false, &it, &s.e) == 1);
	drop(&s);
	return i->data + get_le64(i->data + 48) * 4096 + (it.id & 0xffffffff) * 1024ul;
}

static uint8_t *attribute(uint8_t *r, uint32_t type, bool named)
{
	for (uint8_t *p = r + get_le16(r + 20); get_le32(p) != 0xffffffff; p += get_le32(p + 4))
		if (get_le32(p) == type && !!p[9] == named)
			return p;
	NEED(!"attribute");
	return NULL;
}

static uint8_t *reparse(const struct image *i, const char *path)
{
	uint8_t *a = attribute(record_of(i, path), 0xc0, false);
	return a + get_le16(a + 20);
}

/* Where the stream lies: the fixture has it in one piece. */
static uint8_t *stream_of(const struct image *i, const char *path, uint64_t *size)
{
	uint8_t *a = attribute(record_of(i, path), 0x80, true), *p = a + get_le16(a + 32);
	uint64_t lcn = 0;
	NEED(a[8]);
	*size = get_le64(a + 48);
	for (unsigned k = *p >> 4; k; k--)
		lcn = lcn << 8 | p[(*p & 15) + k];
	return i->data + lcn * 4096;
}

static void test_contents(void)
{
	struct seen s;
	size_t len;
	autofree char *sums = load_file("fixtures/ntfs/compact/compact.sums", &len);
	look("ntfs", &whole, whole.size, &s);
	CHECK_INT(structure(&s), OUTCOME_HELD);
	NEED(s.fs);
	sums_text = sums;
	sums_met = sums_missed = 0;
	CHECK_INT(fs_walk(s.fs, "", NULL, compare_file, s.fs, &s.e), 0);
	CHECK_INT(sums_met, lines_of(sums));
	CHECK_INT(sums_missed, 1);
	drop(&s);
	CHECK_INT(read_class(&whole, "in-a-wim"), ERROR_UNSUPPORTED);
}

static void test_small_reads(void)
{
	struct seen s;
	struct fs_entry it;
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		uint8_t a[7];
		char *all = NULL;
		size_t len, at = 0;
		ssize_t n;
		autofree char *path = text_format("%s/mixed", kinds[k]);
		look("ntfs", &whole, whole.size, &s);
		NEED(s.fs && fs_lookup(s.fs, path, true, &it, &s.e) == 1);
		CHECK(it.place);
		CHECK_INT(fs_read_file(s.fs, path, MIB, &all, &len, &s.e), 1);
		autostream struct stream *in = fs_open_file(s.fs, &it, &s.e);
		NEED(in && all);
		for (; (n = stream_read(in, a, sizeof a, &s.e)) > 0 && !memcmp(a, all + at, (size_t)n); at += (size_t)n)
			;
		CHECK_INT(at, len);
		CHECK_INT(n, 0);
		stream_destroy(take(in));
		free(all);
		drop(&s);
	}
}

static void test_damage(void)
{
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		uint64_t size;
		struct image i = copy_image(&whole);
		autofree char *path = text_format("%s/mixed", kinds[k]);
		uint8_t *p = stream_of(&i, path, &size), *r = reparse(&i, path), keep[64];
		/* a place that is not behind the one before; one behind the end; one too far for a chunk */
		memcpy(keep, p, sizeof keep);
		memset(p + 4, 0, 4);
		CHECK_INT(read_class(&i, path), ERROR_CORRUPT);
		expect_at("ntfs", &i, i.size, OUTCOME_BROKEN, "ntfs.records", __LINE__);
		memset(p + 4, 0xff, 4);
		CHECK_INT(read_class(&i, path), ERROR_CORRUPT);
		memcpy(p, keep, sizeof keep);
		p[2] ^= 1;
		CHECK_INT(read_class(&i, path), ERROR_CORRUPT);
		memcpy(p, keep, sizeof keep);
		CHECK_INT(read_class(&i, path), ERROR_NONE);
		/* Lost blocks; XPRESS may take zeros for something: it has no checksums. */
		memset(p + size / 8, 0, 1024);
		if (!strcmp(kinds[k], "lzx"))
			CHECK_INT(read_class(&i, path), ERROR_CORRUPT);
		free(i.data);
		i = copy_image(&whole);
		r = reparse(&i, path);
		memcpy(keep, r, 24);
		r[20] = 9; /* algorithm */
		CHECK_INT(read_class(&i, path), ERROR_CORRUPT);
		r[20] = keep[20] ^ 1; /* another one */
		CHECK_INT(read_class(&i, path), ERROR_CORRUPT);
		r[20] = keep[20];
		r[16] = 2; /* version */
		CHECK_INT(read_class(&i, path), ERROR_CORRUPT);
		r[16] = 1;
		r[12] = 1; /* in a WIM file */
		CHECK_INT(read_class(&i, path), ERROR_UNSUPPORTED);
		r[12] = 2;
		/* its name is another: the data is missing */
		uint8_t *a = attribute(record_of(&i, path), 0x80, true);
		a[get_le16(a + 10)] = 'X';
		CHECK_INT(read_class(&i, path), ERROR_CORRUPT);
		expect_at("ntfs", &i, i.size, OUTCOME_BROKEN, "ntfs.records", __LINE__);
		free(i.data);
	}
}

/* One change to the reparse point, to the stream, or to the data beside it, which tells the size. */
static void test_rare(void)
{
	static const struct {
		unsigned where; /* 0: reparse point, 1: its attribute, 2: the stream's, 3: the data's */
		unsigned at, width;
		uint64_t value;
		enum error_class want;
	} cases[] = {
		{0, 8, 1, 2, ERROR_CORRUPT},	   {0, 20, 1, 4, ERROR_CORRUPT},  {1, 16, 1, 12, ERROR_CORRUPT},
		{1, 16, 1, 20, ERROR_CORRUPT},	   {2, 13, 1, 0x40, ERROR_ENCRYPTED}, {3, 13, 1, 0xc0, ERROR_ENCRYPTED},
		{3, 48, 8, 4096, ERROR_CORRUPT},   {2, 12, 1, 1, ERROR_CORRUPT},
	};
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct image i = copy_image(&whole);
		uint8_t *r = record_of(&i, "lzx/mixed"), *point = attribute(r, 0xc0, false);
		uint8_t *at[] = {point + get_le16(point + 20), point, attribute(r, 0x80, true), attribute(r, 0x80, false)};
		for (unsigned n = 0; n < cases[k].width; n++)
			at[cases[k].where][cases[k].at + n] = (uint8_t)(cases[k].value >> 8 * n);
		if (cases[k].where == 1)
			at[0][4] = (uint8_t)(cases[k].value - 8);
		if (cases[k].where == 3 && cases[k].at == 13) {
			uint8_t *t = attribute(r, 0x10, false);
			t[get_le16(t + 20) + 33] |= 0x40;
		}
		if (cases[k].at == 48)
			memcpy(at[3] + 56, at[3] + 48, 8);
		enum error_class got = read_class(&i, "lzx/mixed");
		if (got != cases[k].want)
			fprintf(stderr, "case %zu\n", k);
		CHECK_INT(got, cases[k].want);
		/* What can't be read without a key is nobody's damage. */
		bool sealed = cases[k].want == ERROR_ENCRYPTED;
		expect_at("ntfs", &i, i.size, sealed ? OUTCOME_HELD : OUTCOME_BROKEN, "ntfs.records", __LINE__);
		free(i.data);
	}
}

/* The stream ends at every place that a smaller size gives. */
static void test_truncation(void)
{
	struct image i = copy_image(&whole);
	uint8_t *a = attribute(record_of(&i, "lzx/mixed"), 0x80, true);
	uint64_t size = get_le64(a + 48);
	for (uint64_t cut = 0; cut < size; cut += 1 + cut / 4) {
		for (unsigned k = 0; k < 8; k++)
			a[48 + k] = a[56 + k] = (uint8_t)(cut >> 8 * k);
		CHECK_INT(read_class(&i, "lzx/mixed"), ERROR_CORRUPT);
	}
	free(i.data);
}

static void test_mutants(void)
{
	struct rng r = {getenv("FUZZ_SEED") ? strtoull(getenv("FUZZ_SEED"), NULL, 0) : 1};
	unsigned n = getenv("FUZZ_MUTANTS") ? (unsigned)atoi(getenv("FUZZ_MUTANTS")) : 400;
	size_t corrupt = 0;
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		uint64_t size;
		struct image i = copy_image(&whole);
		autofree char *path = text_format("%s/%s", kinds[k], k % 2 ? "more" : "mixed");
		uint8_t *p = stream_of(&i, path, &size), *point = reparse(&i, path);
		autofree uint8_t *keep = malloc((size_t)size);
		NEED(keep);
		memcpy(keep, p, (size_t)size);
		for (unsigned m = 0; m < n; m++) {
			uint8_t was[24];
			memcpy(was, point, sizeof was);
			for (unsigned c = 1 + (unsigned)rng_below(&r, 5); c; c--) {
				size_t at = (size_t)rng_below(&r, rng_below(&r, 3) ? size : 400);
				p[at] = rng_below(&r, 2) ? (uint8_t)rng_next(&r) : (uint8_t)(p[at] ^ 1u << rng_below(&r, 8));
			}
			if (!rng_below(&r, 8))
				point[8 + rng_below(&r, 16)] = (uint8_t)rng_below(&r, 4);
			enum error_class cls = read_class(&i, path);
			CHECK(cls == ERROR_NONE || cls == ERROR_CORRUPT || cls == ERROR_UNSUPPORTED);
			corrupt += cls == ERROR_CORRUPT;
			memcpy(p, keep, (size_t)size);
			memcpy(point, was, sizeof was);
		}
		free(i.data);
	}
	CHECK(corrupt > n);
}

int main(void)
{
#ifdef HAVE_WIM
	whole = load_image("fixtures/ntfs/compact/compact.img.zst");
	RUN(test_contents);
	RUN(test_small_reads);
	RUN(test_damage);
	RUN(test_rare);
	RUN(test_truncation);
	RUN(test_mutants);
	free(whole.data);
#else
	(void)kinds, (void)test_contents, (void)test_small_reads, (void)test_damage, (void)test_truncation, (void)test_rare;
	(void)test_mutants;
#endif
	return test_done();
}
