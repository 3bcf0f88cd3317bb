// SPDX-License-Identifier: GPL-3.0-or-later
/* GPT: headers whose checksums are right and that can't be, copies that disagree, and disks that are not as long as said. */
#include "backproof/volume.h"
#include "fixture.h"

static uint8_t *whole, *disk;
static size_t size; /* of the disk in the fixture */
static struct findings f;

static uint32_t crc_of(const uint8_t *p, size_t n)
{
	uint32_t c = UINT32_MAX;
	while (n--) {
		c ^= *p++;
		for (int k = 0; k < 8; k++)
			c = c >> 1 ^ (c & 1 ? 0xedb88320 : 0);
	}
	return ~c;
}

static void put(uint8_t *p, uint64_t v, int bytes)
{
	for (int k = 0; k < bytes; k++)
		p[k] = (uint8_t)(v >> 8 * k);
}

static uint8_t *header(bool backup)
{
	return disk + (backup ? size - 512 : 512);
}

static void seal(bool backup)
{
	uint8_t *h = header(backup);
	put(h + 16, 0, 4);
	put(h + 16, crc_of(h, 92), 4);
}

/* What is said of a disk of that many bytes. */
static bool says(size_t len, const char *check, enum outcome o, const char *words)
{
	struct disk_layout d = {0};
	struct error e = {0};
	bool found = false;
	NEED(!findings_init(&f));
	struct source *s = source_memory(disk, len, "disk", &e);
	NEED(s && !disk_scan(s, "disk", &d, &f, &e));
	vec_each(&f, it)
		found |= !strcmp(it->check, check) && it->outcome == o && it->detail && strstr(it->detail, words);
	if (!found)
		vec_each(&f, it) fprintf(stderr, "\t%s: %s: %s\n", it->check, outcome_name(it->outcome), it->detail);
	CHECK(o != OUTCOME_BROKEN || findings_proof(&f, PROOF_STRUCTURE) == OUTCOME_BROKEN);
	disk_layout_free(&d);
	source_destroy(s);
	findings_free(&f);
	return found;
}

struct change {
	unsigned at;
	int bytes;
	uint64_t value;
};

static void test_headers(void)
{
	const uint64_t last = size / 512 - 1;
	const struct {
		struct change a, b;
		const char *words;
	} rows[] = {
		{{8, 4, 0x20000}, {0}, "revision"},
		{{24, 8, 5}, {0}, "it says it is at sector 5"},
		{{84, 4, 64}, {0}, "entry size of 64"},
		{{84, 4, 132}, {0}, "entry size of 132"},
		{{84, 4, 8192}, {0}, "entry size of 8192"},
		{{80, 4, 0}, {0}, "entry count of 0"},
		{{80, 4, 1 << 30}, {0}, "entry count"},
		{{80, 4, 4096}, {84, 4, 4096}, "entry count"},
		{{72, 8, 1}, {0}, "lie outside the disk"},
		{{72, 8, last}, {0}, "lie outside the disk"},
		{{72, 8, UINT64_MAX}, {0}, "lie outside the disk"},
		{{40, 8, last}, {0}, "usable sectors"},
		{{40, 8, 1}, {0}, "usable sectors"},
		{{72, 8, 60}, {0}, "entries lie among"},
	};
	for (int backup = 0; backup < 2; backup++)
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			memcpy(disk, whole, size);
			put(header(backup) + rows[i].a.at, rows[i].a.value, rows[i].a.bytes);
			put(header(backup) + rows[i].b.at, rows[i].b.value, rows[i].b.bytes);
			seal(backup);
			CHECK(says(size, backup ? "gpt.backup" : "gpt.primary", OUTCOME_BROKEN, rows[i].words));
		}
	/* A backup header inside of what it calls usable, with its entries before that. */
	memcpy(disk, whole, size);
	put(header(true) + 72, 2, 8);
	put(header(true) + 48, last, 8);
	seal(true);
	CHECK(says(size, "gpt.backup", OUTCOME_BROKEN, "it lies among the usable sectors"));
}

/* Both hold by themselves. */
static void test_pairs(void)
{
	const struct {
		struct change a, b;
		const char *words;
	} rows[] = {
		{{56, 1, 0x55}, {0}, "disk GUID"},
		{{40, 8, get_le64(whole + 512 + 40) + 1}, {0}, "usable sectors"},
		{{48, 8, get_le64(whole + 512 + 48) - 1}, {0}, "usable sectors"},
		{{80, 4, get_le32(whole + 512 + 80) / 2}, {0}, "number and size"},
		{{80, 4, get_le32(whole + 512 + 80) / 2}, {84, 4, 256}, "number and size"},
		{{88, 4, 0x12345678}, {0}, "checksum of the entries"},
		{{100, 1, 1}, {0}, "reserved behind the header"},
		{{32, 8, 2}, {0}, "place of the other header"},
		{{72, 8, 2}, {0}, "place of its own entries"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		memcpy(disk, whole, size);
		put(header(true) + rows[i].a.at, rows[i].a.value, rows[i].a.bytes);
		put(header(true) + rows[i].b.at, rows[i].b.value, rows[i].b.bytes);
		seal(true);
		CHECK(says(size, "gpt.backup", OUTCOME_BROKEN, rows[i].words));
	}
}

static void test_ends(void)
{
	static const uint64_t ends[] = {UINT64_MAX, UINT64_C(1) << 60};
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		memcpy(disk, whole, size);
		put(header(false) + 32, ends[i], 8);
		seal(false);
		CHECK(says(size, "gpt.size", OUTCOME_BROKEN, "the table puts the end of the disk at sector"));
	}
	/* Zeros behind its end are a disk that was enlarged; anything else was appended to it. */
	static const struct {
		size_t more, at; /* at: of a byte that is not zero, behind the end; 0: there is none */
		enum outcome outcome;
	} rows[] = {
		{5 * MIB, 0, OUTCOME_SKIPPED},	      {5 * MIB + 512, 0, OUTCOME_SKIPPED}, {5 * MIB + 100, 0, OUTCOME_BROKEN},
		{5 * MIB, 3 * MIB, OUTCOME_BROKEN},   {20 * MIB, 0, OUTCOME_SKIPPED},	   {20 * MIB, 1, OUTCOME_BROKEN},
		{20 * MIB, 20 * MIB - 1, OUTCOME_BROKEN}, {512, 0, OUTCOME_BROKEN},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		memset(disk, 0, size + 21 * MIB);
		memcpy(disk, whole, size);
		if (rows[i].at)
			disk[size + rows[i].at] = 1;
		CHECK(says(size + rows[i].more, "gpt.size", rows[i].outcome,
			   rows[i].outcome == OUTCOME_SKIPPED ? "was enlarged" : "longer than its table says"));
	}
}

int main(void)
{
	whole = fixture_file("fixtures/volume/gpt.disk", &size);
	NEED(whole);
	disk = calloc(1, size + 21 * MIB);
	NEED(disk);
	RUN(test_headers);
	RUN(test_pairs);
	RUN(test_ends);
	free(disk);
	free(whole);
	return test_done();
}
