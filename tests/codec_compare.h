// SPDX-License-Identifier: GPL-3.0-or-later
/* For tests of codecs: the same bytes decoded in one thread and on many cores must come out the same, in all. */
#ifndef CODEC_COMPARE_H
#define CODEC_COMPARE_H

#include "../src/codec/member.h"
#include "../src/codec/rows.h"
#include "codec_support.h"

static inline bool same_result(const struct format *row, const struct result *a, const struct result *b)
{
	if (a->finished != b->finished)
		return false;
	/* liblzma's threads take from what follows while a block fails: how far they come depends on their speed. */
	if (!a->finished && row == &codec_xz)
		return a->error.cls == b->error.cls;
	if (!same_bytes(&a->out, &b->out))
		return false;
	if (!a->finished)
		return a->error.cls == b->error.cls && a->error.offset == b->error.offset &&
		       !strcmp(a->error.text, b->error.text);
	return a->info.members == b->info.members && a->info.unchecked == b->info.unchecked;
}

static inline void describe_result(const char *how, const struct result *r)
{
	fprintf(stderr, "  %s: %s, offset %lld; %zu bytes, %llu members, %llu unchecked\n", how,
		r->finished ? "finished" : r->error.text, r->finished ? -1LL : (long long)r->error.offset,
		r->out.length, (unsigned long long)r->info.members, (unsigned long long)r->info.unchecked);
}

/* grain: as codec_tuning has it. */
static inline void decode_tuned(const struct run *r, unsigned width, size_t grain, const void *data, size_t length,
				struct result *out)
{
	codec_tuning = (struct codec_tuning){width, grain};
	decode_run(r, data, length, out);
	codec_tuning = (struct codec_tuning){0, 0};
}

/* Of one thread, in *alone; whether many give the same. */
static inline bool compare_widths(const struct run *r, const void *data, size_t length, struct result *alone)
{
	static const size_t grains[] = {1, 0};
	bool right = true;
	decode_tuned(r, 1, 0, data, length, alone);
	for (size_t i = 0; i < ARRAY_SIZE(grains) && right; i++) {
		struct result many;
		decode_tuned(r, 8, grains[i], data, length, &many);
		right = same_result(r->codec, alone, &many);
		if (!right) {
			fprintf(stderr, "%s, pieces of %zu, reads of %zu and %zu:\n", r->codec->name, grains[i], r->step,
				r->cap);
			describe_result("alone", alone);
			describe_result("many", &many);
		}
		bytes_free(&many.out);
	}
	return right;
}

#endif
