// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Hostile bytes for the partition table readers and the content probe. What must hold of any input: volumes lie on
 * the disk and have windows; where bounds and overlaps are HELD they are as HELD says.
 *
 *     volume [FILE...]        without files: fixtures/volume, and seeded mutants of it
 */
#include "backproof/volume.h"
#include "replay.h"

static size_t held, broken, volumes;

static void demand(bool is, const char *what)
{
	if (is)
		return;
	fprintf(stderr, "not so: %s\n", what);
	abort();
}

static bool has(const struct findings *f, const char *check, enum outcome o)
{
	for (size_t i = 0; i < f->count; i++)
		if (!strcmp(f->items[i].check, check) && f->items[i].outcome == o)
			return true;
	return false;
}

static void look(const uint8_t *data, size_t size)
{
	struct disk_layout d;
	struct findings f;
	struct error e;
	demand(!findings_init(&f), "memory");
	autosource struct source *src = source_memory(data, size, "disk", &e);
	demand(src && !disk_scan(src, "disk", &d, &f, &e), "memory can always be read");
	enum outcome o = findings_proof(&f, PROOF_STRUCTURE);
	held += o == OUTCOME_HELD;
	broken += o == OUTCOME_BROKEN;
	volumes += d.count;
	demand(d.table != TABLE_NONE || (d.count == 1 && !d.items[0].number), "one volume without a table");
	demand(d.sector_size == 512 || d.sector_size == 4096, "sector size");
	demand(d.table == TABLE_NONE || o != OUTCOME_UNPROVEN, "a table is HELD or BROKEN");
	for (size_t i = 0; i < d.count; i++) {
		const struct volume *v = &d.items[i];
		bool whole = source_size(v->window) == v->size;
		demand(v->offset <= size && source_size(v->window) <= size - v->offset, "on the disk");
		demand(whole || o == OUTCOME_BROKEN, "what is cut is BROKEN");
		demand(d.table == TABLE_NONE || v->number, "numbered");
		for (size_t k = 0; k < i; k++) {
			const struct volume *w = &d.items[k];
			bool apart = v->offset >= w->offset ? v->offset - w->offset >= w->size
							    : w->offset - v->offset >= v->size;
			demand(apart || has(&f, "partition.overlap", OUTCOME_BROKEN), "overlaps are BROKEN");
		}
	}
	disk_layout_free(&d);
	findings_free(&f);
}

static void put_crc(uint8_t *to, const uint8_t *p, size_t len)
{
	uint32_t crc = UINT32_MAX;
	for (size_t i = 0; i < len; i++) {
		crc ^= p[i];
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	for (int i = 0; i < 4; i++)
		to[i] = (uint8_t)(~crc >> 8 * i);
}

/* The checksums of a GPT's header and entries are made right. */
static bool mend(uint8_t *p, size_t size, size_t at, size_t sector)
{
	if (at > size - 512 || memcmp(p + at, "EFI PART", 8))
		return false;
	uint64_t entries = get_le64(p + at + 72);
	size_t len = get_le32(p + at + 12), count = get_le32(p + at + 80), each = get_le32(p + at + 84);
	if (entries < size / sector && count <= 256 && each <= 256 && count * each <= size - entries * sector)
		put_crc(p + at + 88, p + entries * sector, count * each);
	if (len < 92 || len > 512)
		return true;
	memset(p + at + 16, 0, 4);
	put_crc(p + at + 16, p + at, len);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	look(data, size);
	if (size < 1024)
		return 0;
	bool any = false;
	autofree uint8_t *copy = malloc(size);
	demand(copy, "memory");
	memcpy(copy, data, size);
	for (size_t sector = 512; sector <= 4096; sector *= 8) {
		any |= size > sector && mend(copy, size, sector, sector);
		any |= size > sector && mend(copy, size, (size - sector) / sector * sector, sector);
	}
	if (any)
		look(copy, size);
	return 0;
}

#ifndef BACKPROOF_LIBFUZZER
/* Where tables are: the first sectors and the last ones, and the boot sectors of what is in between. */
static size_t place(struct rng *r, size_t size)
{
	switch (rng_below(r, 4)) {
	case 0:
		return 440 + rng_below(r, 72);
	case 1:
		return rng_below(r, 2048);
	case 2:
		return size - 1 - rng_below(r, 2048);
	default:
		return rng_below(r, size);
	}
}

static void mutated(void)
{
	static const uint32_t values[] = {0, 1, 2, 0xff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
	struct rng r = {1};
	unsigned n = getenv("FUZZ_MUTANTS") ? (unsigned)atoi(getenv("FUZZ_MUTANTS")) : 150;
	CHECK(held >= 3);
	CHECK(broken >= 3);
	for (size_t i = 0; i < path_count; i++) {
		size_t size;
		autofree uint8_t *data = load(paths[i], &size), *whole = load(paths[i], &size);
		for (unsigned m = 0; m < n; m++) {
			size_t length = rng_below(&r, 10) ? size : (size_t)rng_below(&r, size);
			for (uint64_t k = 1 + rng_below(&r, 4); k; k--) {
				size_t at = place(&r, size);
				if (rng_below(&r, 2))
					data[at] ^= (uint8_t)(1u << rng_below(&r, 8));
				else if (at + 4 <= size)
					memcpy(data + at, &values[rng_below(&r, ARRAY_SIZE(values))], 4);
			}
			LLVMFuzzerTestOneInput(data, length);
			memcpy(data, whole, size);
		}
	}
}

REPLAY_MAIN(mutated, "fixtures/volume/*.disk")
#endif
