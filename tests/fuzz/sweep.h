// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * How the lists of changes.h came to be: changes of all kinds to what is read of an image's metadata; what takes a way
 * through src/fs that nothing before it took is kept, as little of it as will do. A driver compiled with
 * -DBACKPROOF_SWEEP, and the objects of src/fs with -O0 -fsanitize-coverage=edge,no-prune,inline-8bit-counters:
 *
 *     driver SECONDS [SEED] >tests/fuzz/changes/NAME.list
 */
#ifndef FUZZ_SWEEP_H
#define FUZZ_SWEEP_H

#include "changes.h"

static uint8_t *sweep_from, *sweep_to, *sweep_seen;

void __sanitizer_cov_8bit_counters_init(char *from, char *to);
void __sanitizer_cov_8bit_counters_init(char *from, char *to)
{
	sweep_from = (uint8_t *)from;
	sweep_to = (uint8_t *)to;
}

struct sweep_kept {
	char *line;
	uint8_t *ways;
};
static VEC(struct sweep_kept) sweep_all;

static size_t sweep_news(bool note)
{
	size_t news = 0;
	for (uint8_t *c = sweep_from; c < sweep_to; c++) {
		if (!*c || sweep_seen[c - sweep_from])
			continue;
		news++;
		if (note)
			sweep_seen[c - sweep_from] = 1;
	}
	return news;
}

/* What verifying and walking read: the rest is content. */
static void sweep_units(struct patch_base *b)
{
	struct findings f;
	struct error e;
	int64_t newest;
	uint64_t piece = 0;
	NEED(findings_init(&f) == 0);
	autosource struct source *src = source_memory(b->data, b->size, "image", &e);
	NEED(src && source_note_reads(src, PATCH_UNIT, &e) == 0);
	struct fs *fs = fs_open(tour.type, src, "image", &f, &e);
	if (!fs)
		return;
	(void)!fs_verify(fs, &f, NULL, INT64_MAX, &newest, &e);
	fs_destroy(fs);
	b->unit_count = 0;
	/* The rare kinds as often as the frequent ones: by how they begin, eight of each. */
	static uint32_t kinds[65536];
	memset(kinds, 0, sizeof kinds);
	for (; source_touched(src, piece, &piece) && piece * PATCH_UNIT < b->size; piece++) {
		const uint8_t *at = b->data + piece * PATCH_UNIT;
		uint16_t kind = (uint16_t)hash_bytes(at, 4);
		size_t most = get_le32(at) ? 12 : 300;
		if (is_zero(at, PATCH_UNIT) || kinds[kind]++ >= most)
			continue;
		b->units[b->unit_count++] = (uint32_t)piece;
	}
	findings_free(&f);
	NEED(b->unit_count);
	fprintf(stderr, "%s: %zu units\n", b->path, b->unit_count);
}

static void sweep_run(const char *line)
{
	memset(sweep_from, 0, (size_t)(sweep_to - sweep_from));
	NEED(changes_line(&tour, line));
}

/* The input's changes as a line; "" when they are too large or none. */
static void sweep_line(const uint8_t *input, size_t size, char *out, size_t room, size_t *parts, size_t *cuts)
{
	static struct patched p;
	const struct patch_base *b = &patch_bases[input[0] % patch_base_count];
	size_t n = 0, at, bytes = 0;
	p.data = b->data;
	p.size = p.stored = b->size;
	*out = 0;
	*parts = 0;
	for (size_t i = PATCH_HEAD; i + PATCH_SIZE <= size; i += PATCH_SIZE)
		patch_apply(&p, b, input + i, &at);
	const char *name = changes_name(b->path);
	n += (size_t)snprintf(out, room, "%.*s%s", (int)strcspn(name, "."), name, input[1] & PATCH_MEND ? "!" : "");
	for (size_t i = 0; i < p.count; i++) {
		for (size_t k = 0; k < PATCH_UNIT; k++) {
			if (p.touched[i] + k >= p.stored || p.data[p.touched[i] + k] == p.saved[i][k])
				continue;
			cuts[(*parts)++] = n;
			n += (size_t)snprintf(out + n, room - n, " %zx=", p.touched[i] + k);
			for (; k < PATCH_UNIT && p.touched[i] + k < p.stored &&
			       p.data[p.touched[i] + k] != p.saved[i][k] && bytes < 64; k++, bytes++)
				n += (size_t)snprintf(out + n, room - n, "%02x", p.data[p.touched[i] + k]);
			if (*parts >= 14 || bytes >= 64)
				*parts = 99, k = PATCH_UNIT;
		}
		if (*parts == 99)
			break;
	}
	while (p.count) {
		p.count--;
		memcpy(p.data + p.touched[p.count], p.saved[p.count], PATCH_UNIT);
	}
	if (*parts == 99)
		*parts = 0;
}

/* Without each of its parts that is not needed for what is new. */
static void sweep_lessen(char *line, size_t news, size_t parts, size_t *cuts)
{
	char less[4096];
	for (size_t i = parts; parts > 1 && i-- > 0;) {
		size_t end = i + 1 < parts ? cuts[i + 1] : strlen(line), cut = end - cuts[i];
		snprintf(less, sizeof less, "%.*s%s", (int)cuts[i], line, line + end);
		sweep_run(less);
		if (sweep_news(false) < news)
			continue;
		strcpy(line, less);
		for (size_t k = i; k + 1 < parts; k++)
			cuts[k] = cuts[k + 1] - cut;
		parts--;
	}
}

int main(int argc, char **argv)
{
	struct rng r = {argc > 2 ? strtoull(argv[2], NULL, 0) : 1};
	int64_t end = monotonic_ns() + INT64_C(1000000000) * (argc > 1 ? atoi(argv[1]) : 10);
	static uint8_t inputs[20000][PATCH_HEAD + PATCH_SIZE * 6];
	static size_t sizes[20000], stored, runs;
	char line[4096];
	size_t parts, cuts[128], ways = (size_t)(sweep_to - sweep_from);
	sweep_seen = calloc(1, ways);
	NEED(ways && sweep_seen);
	patches_load();
	for (size_t i = 0; i < patch_base_count; i++) {
		sweep_units(&patch_bases[i]);
		fs_tour(&tour, patch_bases[i].data, patch_bases[i].size);
		fprintf(stderr, "%s: %s\n", patch_bases[i].path, tour.said);
	}
	sweep_news(true);
	for (; monotonic_ns() < end; runs++) {
		uint8_t input[sizeof inputs[0]];
		size_t size = 0, room = sizeof input;
		if (stored && rng_below(&r, 3) == 0) {
			size_t from = rng_below(&r, stored);
			memcpy(input, inputs[from], size = sizes[from]);
		}
		for (uint64_t n = 1 + rng_below(&r, 2); n || size <= PATCH_HEAD; n -= n > 0)
			size = patches_mutate(&r, input, size, room);
		if (rng_below(&r, 8))
			input[1] |= PATCH_MEND;
		sweep_line(input, size, line, sizeof line, &parts, cuts);
		if (!parts)
			continue;
		sweep_run(line);
		size_t news = sweep_news(false);
		if (!news)
			continue;
		sweep_lessen(line, news, parts, cuts);
		sweep_run(line);
		sweep_news(true);
		if (stored < ARRAY_SIZE(sizes)) {
			memcpy(inputs[stored], input, size);
			sizes[stored++] = size;
		}
		struct sweep_kept *k = vec_push(&sweep_all);
		NEED(k && (k->line = strdup(line)) && (k->ways = malloc(ways)));
		memcpy(k->ways, sweep_from, ways);
	}
	/* From the newest on: what the others behind it take as well is left out. */
	size_t left = 0;
	memset(sweep_seen, 0, ways);
	memset(sweep_from, 0, ways);
	for (size_t i = 0; i < patch_base_count; i++)
		fs_tour(&tour, patch_bases[i].data, patch_bases[i].size);
	sweep_news(true);
	for (size_t i = sweep_all.count; i-- > 0;) {
		memcpy(sweep_from, sweep_all.items[i].ways, ways);
		if (!sweep_news(true)) {
			*sweep_all.items[i].line = 0;
			continue;
		}
		left++;
	}
	vec_each(&sweep_all, k)
	{
		if (!*k->line)
			continue;
		sweep_run(k->line);
		printf("%s | %s\n", k->line, tour.said);
	}
	size_t taken = 0;
	for (size_t i = 0; i < ways; i++)
		taken += sweep_seen[i];
	fprintf(stderr, "%zu runs, %zu kept, %zu left, %zu of %zu ways\n", runs, sweep_all.count, left, taken, ways);
	return 0;
}

#endif
