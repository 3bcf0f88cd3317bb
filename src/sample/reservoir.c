// SPDX-License-Identifier: GPL-3.0-or-later
#include <fnmatch.h>

#include "backproof/sample.h"

void reservoir_init(struct reservoir *r, uint32_t slots, uint64_t seed)
{
	r->rng.state = seed;
	r->slots = slots;
	r->seen = 0;
}

int64_t reservoir_offer(struct reservoir *r)
{
	uint64_t at = r->seen++;
	if (at < r->slots)
		return (int64_t)at;
	if (!r->slots)
		return -1;
	uint64_t j = rng_below(&r->rng, r->seen);
	return j < r->slots ? (int64_t)j : -1;
}

bool critical_match(const char *pattern, const char *path)
{
	while (*pattern == '/')
		pattern++;
	/* Asked of every file of a system: nearly all differ before the first special character. */
	size_t plain = strcspn(pattern, "*?[\\");
	if (strncmp(pattern, path, plain))
		return false;
	return fnmatch(pattern, path, FNM_PATHNAME) == 0;
}
