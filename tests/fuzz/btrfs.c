// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Hostile metadata for the btrfs reader. Checksums stop what is random at once, so the input is a list of edits of
 * 8 bytes each to the nodes (and superblock) of a real image: {le16 node, le16 offset, length, value, how, unused}.
 * Where `how` is odd, the checksum is made right again and the parsers see the edit; then nothing may crash or hang.
 * Where no checksum was made right, what is called HELD reads as the image does.
 *
 *     btrfs [seed [mutants]]
 */
#include "../unit/btrfs_help.h"
#include "corpus.h"
#include "no_cmp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct image images[3];
static uint64_t nodes[3][256];
static size_t counts[3];
static char *truths[3];
static const char *const names[] = {"plain", "log", "dup"};
static size_t held, broken, files;

static void prepare(void)
{
	for (size_t k = 0; k < ARRAY_SIZE(names) && !images[k].data; k++) {
		images[k] = load(names[k]);
		counts[k] = find_nodes(&images[k], nodes[k], ARRAY_SIZE(nodes[k]) - 1);
		nodes[k][counts[k]++] = 0x10000;
		truths[k] = expected_list(names[k]);
	}
}

static int stop_early(void *ctx, const struct fs_entry *it, struct error *e)
{
	struct listing *l = ctx;
	struct error why;
	struct fs_entry again;
	if (strstr(it->path, "//") || *it->path == '/' || strstr(it->path, "/../") || !*it->path)
		abort();
	if (!l->failed--)
		return 1;
	(void)!fs_lookup(l->fs, it->path, true, &again, e);
	if (it->type == ENTRY_LINK)
		free(fs_read_link(l->fs, it, &why));
	if (it->type != ENTRY_FILE || it->size > 16 * MIB)
		return 0;
	autostream struct stream *s = fs_open_file(l->fs, it, &why);
	files += s && !stream_drain(s, &why);
	return 0;
}

static void try_image(struct image *i, const char *truth, bool honest)
{
	struct seen s;
	unsigned failed = 0;
	look(i, i->len, &s);
	bool fine = structure(&s) == OUTCOME_HELD;
	held += fine;
	broken += !fine;
	if (honest && fine) {
		autofree char *list = list_of(s.fs, &failed);
		if (!list || failed || strcmp(list, truth)) {
			fprintf(stderr, "HELD, but it reads otherwise\n");
			abort();
		}
	} else if (s.fs) {
		struct listing l = {.fs = s.fs, .failed = 300};
		(void)!fs_walk(s.fs, "", NULL, stop_early, &l, &s.e);
	}
	drop(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t touched[16];
	static uint8_t saved[16][4096];
	size_t edits = 0;
	bool honest = true;
	prepare();
	size_t k = size ? data[0] % ARRAY_SIZE(images) : 0;
	struct image *i = &images[k];
	for (; size >= 8 && edits < 16; data += 8, size -= 8) {
		uint64_t at = nodes[k][get_le16(data) % counts[k]];
		unsigned offset = get_le16(data + 2) % 4096, len = 1 + data[4] % 8;
		touched[edits] = at;
		memcpy(saved[edits++], i->data + at, 4096);
		for (; len-- && offset < 4096; offset++)
			i->data[at + offset] = data[6] & 2 ? data[5] : (uint8_t)(i->data[at + offset] + data[5]);
		if (data[6] & 1) {
			resum(i, at, 4096);
			honest = false;
		}
	}
	try_image(i, truths[k], honest);
	while (edits--)
		memcpy(i->data + touched[edits], saved[edits], 4096);
	return 0;
}

#ifndef BACKPROOF_LIBFUZZER
static uint64_t seed = 1, mutants = 3000;

static void whole(void)
{
	for (uint8_t k = 0; k < 3; k++)
		LLVMFuzzerTestOneInput(&k, 1);
	CHECK_INT(held, 3);
	CHECK_INT(broken, 0);
}

static void mutated(void)
{
	struct rng r = {seed};
	for (uint64_t m = 0; m < mutants; m++) {
		uint8_t edits[32];
		size_t n = 8 * (1 + rng_below(&r, 4));
		for (size_t b = 0; b < n; b++)
			edits[b] = (uint8_t)rng_next(&r);
		for (size_t b = 0; b < n; b += 8) {
			/* The dup image is large: it comes seldom. Heads, keys and the first items come more often. */
			if (!b && edits[0] % 3 == 2 && rng_below(&r, 8))
				edits[0]--;
			if (rng_below(&r, 2))
				edits[b + 3] = 0;
			if (rng_below(&r, 2))
				edits[b + 4] = 0;
		}
		LLVMFuzzerTestOneInput(edits, n);
	}
	CHECK(broken > mutants / 4);
	CHECK(files > 0);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		seed = strtoull(argv[1], NULL, 0);
	if (argc > 2)
		mutants = strtoull(argv[2], NULL, 0);
	RUN(whole);
	test_passed += (int)corpus_replay(argv[0]);
	RUN(mutated);
	return test_done();
}
#endif
