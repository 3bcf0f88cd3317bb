// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * VHD and VHDX images, damaged. The files are larger than what the mutator takes, so that the input is a list of
 * changes to a stored image: its first byte chooses one, every eight bytes after it are a place and what to put there.
 * Checksums are made right again for half of them, so that what lies behind them is met too.
 */
#include <sanitizer/asan_interface.h>

#include "../unit/vhd_help.h"
#include "backproof/crc32c.h"
#include "corpus.h"
#include "no_cmp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const stored[] = {
    "vhdx/log",	  "vhdx/log-wrapped-before", "vhdx/log-older", "vhdx/log-longer", "vhdx/base",
    "vhdx/states", "vhdx/qemu-dynamic",	     "vhdx/middle",    "vhd/base",	  "vhd/child",
    "vhd/holes",  "vhd/saved",
};
static struct bytes images[ARRAY_SIZE(stored)], parents[2]; /* what is changed, and what never is */
static bool is_vhdx(size_t i)
{
	return !strncmp(stored[i], "vhdx", 4);
}

static void load_once(void)
{
	char path[128];
	for (size_t i = 0; i < ARRAY_SIZE(stored) && !images[i].p; i++) {
		const char *suffix = strstr(stored[i], "middle") ? "avhdx"
				     : is_vhdx(i)		 ? "vhdx"
				     : strstr(stored[i], "child") ? "avhd"
								  : "vhd";
		snprintf(path, sizeof path, "fixtures/%s.%s.zst", stored[i], suffix);
		images[i] = unpacked(path);
		if (strstr(path, "/base."))
			parents[is_vhdx(i)] = unpacked(path);
	}
}

/* What was there before: images are changed where they are, and put right again. */
static struct undo {
	uint8_t *at, was[4];
	size_t len;
} undos[64 + 4 + MIB / 4096];
static size_t undo_count;

static void put(uint8_t *at, const void *bytes, size_t len)
{
	NEED(undo_count < ARRAY_SIZE(undos) && len <= sizeof undos->was);
	struct undo *u = &undos[undo_count++];
	u->at = at;
	u->len = len;
	memcpy(u->was, at, len);
	memcpy(at, bytes, len);
}

static void put_back(void)
{
	for (; undo_count; undo_count--)
		memcpy(undos[undo_count - 1].at, undos[undo_count - 1].was, undos[undo_count - 1].len);
}

/* The parent of those that have one: as it was stored. */
struct parent {
	bool vhdx, open;
	struct opened_image o;
};

static const struct image *parent_of(void *ctx, const char *name, bool raw, struct error *e)
{
	struct parent *p = ctx;
	(void)raw;
	if (p->open || strncmp(name, "base.", 5)) {
		error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, "%s is not there", name);
		return NULL;
	}
	p->o = image_of(p->vhdx ? "vhdx" : "vhd", &parents[p->vhdx]);
	NEED(!p->o.rc);
	p->open = true;
	return &p->o.im;
}

static void put_sum(uint8_t *p, size_t len)
{
	put(p + 4, "\0\0\0", 4);
	uint32_t crc = crc32c(p, len);
	memcpy(p + 4, &crc, 4);
}

static void put_vhd_sum(uint8_t *p, size_t len, size_t at)
{
	uint32_t sum = 0;
	put(p + at, "\0\0\0", 4);
	for (size_t i = 0; i < len; i++)
		sum += p[i];
	sum = __builtin_bswap32(~sum);
	memcpy(p + at, &sum, 4);
}

static void mend(struct bytes *b, bool vhdx)
{
	if (!vhdx) {
		put_vhd_sum(b->p, 512, 64);
		put_vhd_sum(b->p + 512, 1024, 36);
		put_vhd_sum(b->p + b->len - 512, 512, 64);
		return;
	}
	for (size_t i = 0; i < 2; i++) {
		put_sum(b->p + (64 + 64 * i) * KIB, 4096);
		put_sum(b->p + (192 + 64 * i) * KIB, 64 * KIB);
	}
	for (size_t at = MIB; at < 2 * MIB; at += 4096) {
		size_t len = get_le32(b->p + at + 8);
		if (!memcmp(b->p + at, "loge", 4) && len >= 64 && len <= 2 * MIB - at)
			put_sum(b->p + at, len);
	}
}

/* Where it hurts: the structures, by the format. */
static size_t place(uint32_t v, size_t len, bool vhdx)
{
	static const struct {
		size_t at, len;
	} spots[] = {{64 * KIB, 80},	    {128 * KIB, 80}, {192 * KIB, 128},	 {256 * KIB, 128}, {MIB, 32 * KIB},
		     {MIB + 1008 * KIB, 16 * KIB}, {2 * MIB, 256},  {2 * MIB + 64 * KIB, 512}, {3 * MIB, 128},
		     {3 * MIB + 32 * KIB, 16}};
	size_t kind = v >> 28, at = v & 0x0fffffff;
	if (kind == 15)
		return at % len;
	if (!vhdx)
		return kind > 12 ? len - 512 + at % 512 : at % 2048;
	return spots[kind % ARRAY_SIZE(spots)].at + at % spots[kind % ARRAY_SIZE(spots)].len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	load_once();
	if (size < 2)
		return 0;
	const size_t which = data[0] % ARRAY_SIZE(stored);
	const bool vhdx = is_vhdx(which);
	struct bytes b = images[which];
	for (size_t i = 2; i + 8 <= size && i < 2 + 8 * 64; i += 8) {
		size_t at = place(get_le32(data + i), b.len, vhdx), n = 1 + data[1] % 4;
		put(b.p + at, data + i + 4, n < b.len - at ? n : b.len - at);
	}
	if (data[1] & 0x80)
		mend(&b, vhdx);
	if ((data[1] & 0x70) == 0x70 && size >= 6)
		b.len = get_le32(data + 2) % b.len;
	/* A sanitizer sees one byte too many. */
	ASAN_POISON_MEMORY_REGION(b.p + b.len, images[which].len - b.len);
	struct parent parent = {.vhdx = vhdx};
	struct companions companions = {.ctx = &parent, .image = parent_of};
	struct opened_image o = {0};
	char hex[65];
	NEED(!findings_init(&o.f));
	o.src = source_memory(b.p, b.len, "mutant", &o.e);
	NEED(o.src);
	struct image_context c = {.subject = "mutant", .f = &o.f, .companions = &companions};
	o.rc = row_of(vhdx ? "vhdx" : "vhd")->open_image(o.src, &c, &o.im, &o.e);
	NEED(o.rc || o.im.disks.count == 1);
	NEED(!o.rc || o.e.cls != ERROR_NONE);
	if (!o.rc && source_size(o.im.disks.items[0].source) < 64 * MIB) {
		/* What the structures call sound can be read. */
		int rc = disk_digest(o.im.disks.items[0].source, hex);
		NEED(!rc || !only_good(&o.f));
	}
	image_shut(&o);
	if (parent.open)
		image_shut(&parent.o);
	ASAN_UNPOISON_MEMORY_REGION(b.p + b.len, images[which].len - b.len);
	put_back();
	return 0;
}

#ifndef BACKPROOF_LIBFUZZER
int main(int argc, char **argv)
{
	struct rng rng = {argc > 1 ? strtoull(argv[1], NULL, 0) : 1};
	uint64_t mutants = argc > 2 ? strtoull(argv[2], NULL, 0) : 1500;
	for (uint64_t i = 0; i < mutants; i++) {
		uint8_t data[2 + 8 * 6];
		for (size_t k = 0; k < sizeof data; k++)
			data[k] = (uint8_t)rng_next(&rng);
		/* Small numbers and the ends of ranges hit more than chance does. */
		for (size_t k = 6; k < sizeof data; k += 8)
			if (rng_below(&rng, 3) == 0)
				memset(data + k, (int)(rng_below(&rng, 2) * 255), 4);
		LLVMFuzzerTestOneInput(data, 2 + 8 * (1 + rng_below(&rng, 6)));
	}
	size_t kept = corpus_replay(argv[0]);
	test_bad_here = 0; /* what goes wrong aborts */
	test_passed = (int)(mutants + kept);
	return test_done();
}
#endif
