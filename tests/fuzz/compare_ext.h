// SPDX-License-Identifier: GPL-3.0-or-later
/* Changed volumes of ext, checksums mended for some: what e2fsck complains about where our reader says HELD. */
#ifndef FUZZ_COMPARE_EXT_H
#define FUZZ_COMPARE_EXT_H

#include "compare.h"
#include "ext_mend.h"
#include "fs_tour.h"

static struct fs_tour compared_tour = {.type = "ext4", .most = 600};
static struct comparison *compared_with;
static VEC(struct complaint {
	char text[160];
	unsigned count;
}) complaints;

/* Numbers and names are left out. */
static void complain_of(const char *line)
{
	char text[160];
	size_t n = 0;
	bool digits = false;
	for (; *line && n < sizeof text - 2; line++) {
		bool digit = *line >= '0' && *line <= '9';
		if (digit && digits)
			continue;
		digits = digit;
		text[n++] = digit ? '#' : *line;
	}
	text[n] = 0;
	vec_each(&complaints, x)
		if (!strcmp(x->text, text)) {
			x->count++;
			return;
		}
	struct complaint *x = vec_push(&complaints);
	NEED(x);
	snprintf(x->text, sizeof x->text, "%s", text);
	x->count = 1;
}

static void look_at(const struct patched *p)
{
	struct comparison *c = compared_with;
	char path[100];
	fs_tour(&compared_tour, p->data, p->size);
	snprintf(path, sizeof path, "%s/volume", c->dir);
	put_file(path, p->data, p->size);
	int rc = run_program(c, (const char *const[]){"e2fsck", "-fn", "volume", NULL});
	bool theirs = rc == 0;
	c->both += theirs && compared_tour.held;
	c->ours += !theirs && compared_tour.held;
	c->others += theirs && !compared_tour.held;
	c->none += !theirs && !compared_tour.held;
	if (theirs || !compared_tour.held)
		return;
	size_t size;
	snprintf(path, sizeof path, "%s/said", c->dir);
	autofree uint8_t *said = get_file(path, 65536, &size);
	NEED(said);
	if (getenv("FUZZ_SHOW"))
		fputs((const char *)said, stderr);
	char *rest = (char *)said;
	for (char *line; (line = strsep(&rest, "\n"));)
		if (*line && strncmp(line, "e2fsck ", 7) && strncmp(line, "Pass ", 5) && !strstr(line, "***") &&
		    !strstr(line, " files ("))
			complain_of(line);
}

static void compare_ext(struct comparison *c, size_t which)
{
	uint8_t input[PATCH_HEAD + PATCH_SIZE * 4];
	(void)which;
	compared_with = c;
	while (comparison_goes_on(c)) {
		size_t size = 0;
		for (uint64_t n = 1 + rng_below(&c->rng, 5); n; n--)
			size = patches_mutate(&c->rng, input, size, sizeof input);
		input[1] = rng_below(&c->rng, 4) ? PATCH_MEND : 0;
		LLVMFuzzerTestOneInput(input, size);
	}
	vec_each(&complaints, x) printf("  HELD here, for e2fsck %4u: %s\n", x->count, x->text);
	vec_free(&complaints);
}

#endif
