// SPDX-License-Identifier: GPL-3.0-or-later
/* One open file system for several threads, as rows with `shared` promise. */
#ifndef SHARE_HELP_H
#define SHARE_HELP_H

#include "backproof/pool.h"
#include "ext_help.h"

#define AT_ONCE 6u

struct at_once {
	struct fs *handles[AT_ONCE];
	char *lists[AT_ONCE];
	struct findings findings[AT_ONCE];
	int results[AT_ONCE];
};

/* Every other one walks all metadata, the others all files; each lets go of the file system when it is done. */
static inline void use_shared(void *ctx, size_t i)
{
	struct at_once *x = ctx;
	struct error e = {0};
	struct budget b;
	int64_t newest;
	budget_init(&b);
	if (i % 2)
		x->results[i] = fs_verify(x->handles[i], &x->findings[i], &b, INT64_MAX, &newest, &e);
	else
		x->lists[i] = list_fs(x->handles[i], 65536, &e);
	fs_destroy(x->handles[i]);
}

/* Takes fs. All get what one alone does. */
static inline void check_shared(struct fs *fs)
{
	struct at_once x = {0};
	struct error e = {0};
	char *expected = list_fs(fs, 65536, &e);
	NEED(expected);
	for (size_t i = 0; i < AT_ONCE; i++) {
		x.handles[i] = fs_share(fs);
		NEED(x.handles[i] && findings_init(&x.findings[i]) == 0);
	}
	/* The first to be opened may be the first to go. */
	fs_destroy(fs);
	pool_each(AT_ONCE, use_shared, &x);
	for (size_t i = 0; i < AT_ONCE; i++) {
		CHECK_INT(x.results[i], 0);
		if (i % 2)
			CHECK_INT(findings_proof(&x.findings[i], PROOF_STRUCTURE), OUTCOME_HELD);
		else
			CHECK_STR(x.lists[i], expected);
		free(x.lists[i]);
		findings_free(&x.findings[i]);
	}
	free(expected);
}

#endif
