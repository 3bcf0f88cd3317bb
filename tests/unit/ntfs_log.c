// SPDX-License-Identifier: GPL-3.0-or-later
/* NTFS logs: such as owe nothing, such as owe something, and such as are damaged or hostile. */
#include "ntfs_help.h"

#define PAGE 4096u
#define DATA 0x40u /* where a page's records begin */
#define FIRST (4 * PAGE)

struct log {
	struct image i;
	uint8_t *p;
	size_t size, first;  /* first: the page that follows the last */
	size_t page, in;     /* place of the next record */
	size_t pages[300], count; /* in use */
	unsigned place_bits, major;
	uint64_t lap;
};

static const uint8_t forget[32] = {0x1b};

static void put_header(uint8_t *page, const char *magic, unsigned at)
{
	memcpy(page, magic, 4);
	put(page + 4, at, 2);
	put(page + 6, 9, 2);
	put(page + at, 0x77, 2);
}

static void log_page(struct log *l, size_t at)
{
	NEED(l->count < ARRAY_SIZE(l->pages));
	put_header(memset(l->p + at, 0, PAGE), "RCRD", 0x28);
	l->pages[l->count++] = l->page = at;
	l->in = DATA;
}

/* The page behind this one. */
static void log_turn(struct log *l)
{
	bool last = l->page + 2 * PAGE > l->size;
	l->lap += last;
	log_page(l, last ? l->first : l->page + PAGE);
}

/* A log whose first record is at the beginning of a page. */
static void log_from(struct log *l, size_t page, unsigned major)
{
	memset(l, 0, sizeof *l);
	l->i = copy_image(&whole);
	l->p = run_of(&l->i, 2, 0x80, &l->size);
	l->place_bits = 64 - (unsigned)__builtin_clzll(l->size) - 3;
	l->lap = 5;
	l->major = major;
	l->first = major < 2 ? FIRST : 0x22 * PAGE;
	NEED(l->p[0] == 0xff && l->size >= 64 * KIB);
	log_page(l, page ? page : l->size - PAGE);
}

static void log_new(struct log *l)
{
	log_from(l, FIRST, 1);
}

/* Of the record that comes next. */
static uint64_t log_next(struct log *l)
{
	if (PAGE - l->in < 48)
		log_turn(l);
	return l->lap << l->place_bits | (l->page + l->in) >> 3;
}

static uint64_t log_add(struct log *l, unsigned type, unsigned transaction, const uint8_t *body, size_t len)
{
	uint64_t lsn = log_next(l);
	uint8_t *r = l->p + l->page + l->in;
	put(r, lsn, 8);
	put(r + 24, len, 4);
	put(r + 32, type, 4);
	put(r + 36, transaction, 4);
	l->in += 48;
	for (size_t n; len; body += n, len -= n, l->in += n) {
		if (l->in == PAGE)
			log_turn(l);
		n = PAGE - l->in < len ? PAGE - l->in : len;
		memcpy(l->p + l->page + l->in, body, n);
	}
	l->in = (l->in + 7) & ~7ul;
	put(l->p + l->page + 8, lsn, 8);
	put(l->p + l->page + 0x20, lsn, 8);
	return lsn;
}

static uint64_t log_checkpoint(struct log *l)
{
	uint8_t body[64] = {0};
	put(body + 8, log_next(l), 8);
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
	for (size_t k = 0; k < l->count; k++)
		protect(l->p + l->pages[k], PAGE);
	for (unsigned k = 0; k < 2; k++) {
		uint8_t *r = memset(l->p + k * PAGE, 0, PAGE), *a = r + 0x30, *c = a + 0x40;
		put_header(r, "RSTR", 30);
		put(r + 16, PAGE, 4);
		put(r + 20, PAGE, 4);
		put(r + 24, 0x30, 2);
		put(r + 26, 1, 2);
		put(r + 28, l->major, 2);
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
		put(body + 8, log_next(&l), 8);
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
	put(l.p + 2 * PAGE + 0x20, log_next(&l), 8);
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

/* Records of several pages, at the end of a page, and behind the end of the log. */
static void test_log_pages(void)
{
	static uint8_t body[12000];
	static const size_t sizes[] = {32, 3900, 3936, 3976, 4032 - 48, 9000, sizeof body};
	for (size_t k = 0; k < ARRAY_SIZE(sizes); k++)
		for (unsigned wraps = 0; wraps < 2; wraps++) {
			struct log l;
			/* The newest version has 32 pages in front of its own. */
			log_from(&l, wraps ? 0 : k & 1 ? 0x22 * PAGE : FIRST, k & 1 ? 2 : 1);
			uint64_t restart = log_checkpoint(&l);
			log_add(&l, 1, 0, body, sizes[k]);
			log_add(&l, 1, 0, forget, sizeof forget);
			CHECK(l.count > 1 || sizes[k] < 3900);
			log_close(&l, 0, restart);
			log_end(&l, OUTCOME_HELD, __LINE__);
		}
	/* The second page of a record is torn; or it is longer than any can be. */
	for (unsigned k = 0; k < 2; k++) {
		struct log l;
		log_new(&l);
		uint64_t restart = log_checkpoint(&l);
		log_add(&l, 1, 0, body, 5000);
		if (k)
			put(l.p + FIRST + DATA + 48 + 64 + 24, 1 << 21, 4);
		log_close(&l, 0, restart);
		if (!k)
			l.p[FIRST + PAGE + 510] ^= 1;
		log_end(&l, OUTCOME_UNPROVEN, __LINE__);
	}
}

/* Which records leave something to be done. */
static void test_log_operations(void)
{
	static const uint8_t nothing[] = {0, 1, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x20};
	uint8_t body[64] = {0};
	struct log l;
	for (size_t k = 0; k < ARRAY_SIZE(nothing); k++) {
		log_new(&l);
		uint64_t restart = log_checkpoint(&l);
		body[0] = nothing[k];
		log_add(&l, 1, 0x18, body, 32);
		log_close(&l, 0, restart);
		log_end(&l, OUTCOME_HELD, __LINE__);
	}
	/* Bits of bitmaps: those are compared with what uses the clusters. But the transaction has to end. */
	for (unsigned k = 0; k < 4; k++) {
		log_new(&l);
		uint64_t restart = log_checkpoint(&l);
		body[0] = k & 1 ? 0x15 : 0x16;
		log_add(&l, 1, 0x18, body, 32);
		log_add(&l, 1, 0x18, body, 32);
		if (k < 2)
			log_add(&l, 1, 0x18, forget, sizeof forget);
		log_close(&l, 0, restart);
		log_end(&l, k < 2 ? OUTCOME_HELD : OUTCOME_UNPROVEN, __LINE__);
	}
	/* One that is cut; one of nothing; one of another type. */
	for (unsigned k = 0; k < 3; k++) {
		log_new(&l);
		uint64_t restart = log_checkpoint(&l);
		log_add(&l, k == 2 ? 3 : 1, 0, body, k == 1 ? 0 : 16);
		log_close(&l, 0, restart);
		log_end(&l, k ? OUTCOME_HELD : OUTCOME_UNPROVEN, __LINE__);
	}
	/* More transactions than are kept track of. */
	log_new(&l);
	uint64_t restart = log_checkpoint(&l);
	body[0] = 0x15;
	for (unsigned k = 0; k <= 4096; k++)
		log_add(&l, 1, 0x18 + 0x28 * k, body, 32);
	log_close(&l, 0, restart);
	log_end(&l, OUTCOME_UNPROVEN, __LINE__);
}

/* Bytes written into data: there, or not. */
static void test_log_writes(void)
{
	static const struct {
		unsigned at, width;
		uint64_t value;
		enum outcome want;
	} cases[] = {
		{0, 0, 0, OUTCOME_HELD},
		{48, 1, 0xa5, OUTCOME_UNPROVEN},     /* other bytes */
		{0, 1, 9, OUTCOME_UNPROVEN},	     /* another operation */
		{6, 2, 0, OUTCOME_UNPROVEN},	     /* no bytes at all */
		{6, 2, 5000, OUTCOME_UNPROVEN},	     /* more than it has */
		{6, 2, 32, OUTCOME_UNPROVEN},
		{4, 2, 60, OUTCOME_UNPROVEN},
		{14, 2, 0, OUTCOME_UNPROVEN},	     /* no cluster */
		{14, 2, 9, OUTCOME_HELD},
		{16, 2, 5000, OUTCOME_UNPROVEN},     /* behind its cluster */
		{16, 2, 4096 - 8, OUTCOME_UNPROVEN}, /* on both sides of its end */
		{20, 2, 9, OUTCOME_UNPROVEN},
		{32, 8, 1 << 30, OUTCOME_UNPROVEN},  /* outside the volume */
		{40, 8, 0, OUTCOME_HELD},
	};
	size_t length;
	uint8_t *data = run_of(&whole, number_of(&whole, "random.bin"), 0x80, &length);
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct log l;
		int before = test_bad_here;
		uint8_t body[64] = {0};
		log_new(&l);
		uint64_t restart = log_checkpoint(&l);
		put(body, 8, 2);
		put(body + 4, 48, 2);
		put(body + 6, 16, 2);
		put(body + 14, 1, 2);
		put(body + 16, 100, 2);
		put(body + 18, 4, 2);
		put(body + 32, (uint64_t)(data - whole.data) / 4096, 8);
		memcpy(body + 48, data + 104, 16);
		put(body + cases[k].at, cases[k].value, cases[k].width);
		log_add(&l, 1, 0x18, body, sizeof body);
		log_add(&l, 1, 0x18, forget, sizeof forget);
		log_close(&l, 0, restart);
		log_end(&l, cases[k].want, __LINE__);
		if (test_bad_here != before)
			fprintf(stderr, "case %zu\n", k);
	}
	/* Index blocks tell by themselves; a record behind the end of the volume tells nothing. */
	for (unsigned k = 0; k < 3; k++) {
		struct log l;
		uint8_t body[64] = {0};
		log_new(&l);
		uint64_t restart = log_checkpoint(&l);
		uint8_t *block = run_of(&l.i, number_of(&whole, "many"), 0xa0, &length);
		put(body, 14, 2);
		put(body + 14, k < 2, 2);
		put(body + 32, (uint64_t)(block - l.i.data) / 4096, 8);
		uint64_t lsn = log_add(&l, 1, 0x18, body, 48);
		log_add(&l, 1, 0x18, forget, sizeof forget);
		put(block + 8, k ? lsn : lsn - 1, 8);
		log_close(&l, 0, restart);
		log_end(&l, k == 1 ? OUTCOME_HELD : OUTCOME_UNPROVEN, __LINE__);
	}
}

/* Fields of both restart pages (and of the checkpoint), or of the first alone. */
static void test_log_restart(void)
{
	static const struct {
		unsigned at, width;
		uint64_t value;
		bool open; /* whole, but then the log can't be followed */
	} cases[] = {
		{16, 4, 256, false},	     {16, 4, 5000, false},	{16, 4, 1 << 17, false}, {20, 4, 100, false},
		{4, 2, 29, false},	     {6, 2, 8, false},		{4, 2, 508, false},	 {24, 2, 0x34, false},
		{24, 2, 16, false},	     {24, 2, 4080, false},	{0x30 + 22, 2, 0x42, false},
		{0x30 + 22, 2, 4000, false}, {0x30 + 12, 2, 1, false},	{0x30 + 12, 2, 300, false},
		{0x30 + 16, 4, 15, false},   {0x30 + 16, 4, 61, false}, {0x30 + 36, 2, 40, false},
		{0x30 + 36, 2, 264, false},  {0x30 + 36, 2, 50, false}, {0x30 + 38, 2, 32, false},
		{0x30 + 38, 2, 4056, false}, {0x30 + 38, 2, 66, false}, {0x30 + 31, 1, 0x80, false},
		{28, 2, 3, true},	     {0x30 + 24, 8, 3 * PAGE, true}, {0x30 + 16, 4, 44, true},
		{0x30 + 0x40 + 8, 8, 0, true}, {0x30 + 0x40 + 8, 8, 77, true},
	};
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++)
		for (unsigned both = 0; both < 2; both++) {
			struct log l;
			int before = test_bad_here;
			log_new(&l);
			log_close(&l, 0, log_checkpoint(&l));
			for (unsigned page = 0; page <= both; page++) {
				uint8_t *r = l.p + page * PAGE;
				unprotect(r, PAGE);
				put(r + cases[k].at, cases[k].value, cases[k].width);
				if (cases[k].at == 4 || cases[k].at == 6)
					put_header(r, "RSTR", 30), put(r + cases[k].at, cases[k].value, 2);
				else
					protect(r, PAGE);
			}
			enum outcome want = cases[k].open ? OUTCOME_UNPROVEN : both ? OUTCOME_BROKEN : OUTCOME_HELD;
			log_end(&l, want, __LINE__);
			if (test_bad_here != before)
				fprintf(stderr, "case %zu, %u\n", k, both);
		}
	/* The newer of both counts; chkdsk leaves a word of its own; nobody uses a closed one. */
	for (unsigned k = 0; k < 4; k++) {
		struct log l;
		log_new(&l);
		log_change(&l, 30, 5);
		log_close(&l, 0, log_checkpoint(&l));
		uint8_t *r = l.p + (k & 1) * PAGE;
		unprotect(r, PAGE);
		if (k < 2)
			put(r + 0x30 + 14, 2, 2); /* closed */
		else
			put(r + 0x30 + 12, 0xffff, 2);
		put(r + 0x30, get_le64(r + 0x30) + 8, 8);
		put(r + (k & 1 ? 0 : 1), k & 1 ? 'C' : 'S', 1);
		if (k & 1)
			memcpy(r, "CHKD", 4);
		protect(r, PAGE);
		log_end(&l, OUTCOME_HELD, __LINE__);
	}
}

/* Checkpoints that are cut, of another type, or contradict themselves. */
static void test_log_checkpoints(void)
{
	for (unsigned k = 0; k < 5; k++) {
		struct log l;
		uint8_t body[64] = {0};
		log_new(&l);
		if (k == 0)
			log_add(&l, 1, 0, forget, sizeof forget);
		uint64_t lsn = log_next(&l);
		put(body + 8, k == 1 ? 0 : k == 2 ? lsn + 8 : lsn, 8);
		log_add(&l, k == 3 ? 1 : 2, 0, body, k == 4 ? 56 : 64);
		log_close(&l, 0, lsn);
		log_end(&l, k ? OUTCOME_UNPROVEN : OUTCOME_HELD, __LINE__);
	}
}

/* Copies of pages that lead nowhere are of no use, and do no harm. */
static void test_log_copies(void)
{
	static const uint64_t places[] = {FIRST + 1, 3 * PAGE, UINT64_C(1) << 40, (2 << 20) - 512};
	for (unsigned major = 1; major <= 2; major++)
		for (size_t k = 0; k < ARRAY_SIZE(places); k++) {
			struct log l;
			log_from(&l, major < 2 ? FIRST : 0x22 * PAGE, major);
			uint64_t restart = log_checkpoint(&l);
			uint8_t *copy = l.p + 3 * PAGE;
			memcpy(copy, l.p + l.page, PAGE);
			put(copy + (major < 2 ? 8 : 60), places[k], major < 2 ? 8 : 4);
			protect(copy, PAGE);
			log_close(&l, 0, restart);
			log_end(&l, OUTCOME_HELD, __LINE__);
		}
}

/* What is no log. */
static void test_log_attribute(void)
{
	for (unsigned k = 0; k < 5; k++) {
		struct log l;
		uint8_t a[256];
		log_new(&l);
		log_close(&l, 2, log_checkpoint(&l));
		struct rec r = rec_read(&l.i, 2);
		size_t n = rec_cut(&r, 0x80, a);
		put(a + 12, k == 1, 2);
		put(a + 34, k == 1 ? 4 : 0, 1);
		if (k == 2)
			put(a + 48, 60 * KIB, 8), put(a + 56, 60 * KIB, 8);
		if (k == 3)
			put(a + 40, UINT64_C(1) << 29, 8), put(a + 48, UINT64_C(1) << 29, 8);
		if (k == 4)
			rec_add_resident(&r, 0x80, (const uint8_t *)"RSTR", 4);
		else if (k)
			rec_add(&r, a, n);
		rec_write(&r);
		struct seen s;
		look("ntfs", &l.i, l.i.size, &s);
		CHECK(structure(&s) != OUTCOME_HELD && !has(&s, "fs.log", OUTCOME_HELD));
		CHECK(!s.fs || (fs_info(s.fs)->stale_view && !fs_info(s.fs)->clean));
		CHECK(k != 3 || has(&s, "fs.log", OUTCOME_UNPROVEN));
		drop(&s);
		free(l.i.data);
	}
}

/* Hostile logs: nothing but an answer comes of them. */
static void test_log_mutants(void)
{
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
	RUN(test_log);
	RUN(test_log_damage);
	RUN(test_log_pages);
	RUN(test_log_operations);
	RUN(test_log_writes);
	RUN(test_log_restart);
	RUN(test_log_checkpoints);
	RUN(test_log_copies);
	RUN(test_log_attribute);
	RUN(test_log_mutants);
	free(whole.data);
	return test_done();
}
