// SPDX-License-Identifier: GPL-3.0-or-later
/* A reader that has read all of a backup that is to be sealed, and says other digests than it has. */
#include "../../src/gate/sealing.h"
#include "attempt.h"
#include "backproof/chunks.h"

void __real_reader_seal_put(struct wire_out *w, const struct sealing_found *x);
void __wrap_reader_seal_put(struct wire_out *w, const struct sealing_found *x);

static enum { HONEST, OTHER_SHA256, OTHER_TREE } word;

bool seal_lie(const char *order)
{
	word = !strcmp(order, "seals_other_sha256") ? OTHER_SHA256 : !strcmp(order, "seals_other_tree") ? OTHER_TREE : word;
	return word != HONEST;
}

/* As of a file of zeros: all of it fits together. */
static void forge_tree(struct seal_file *f, struct chunks **c)
{
	struct error e;
	struct merkle *m = merkle_new(&e);
	chunks_destroy(*c);
	*c = chunks_new(&e);
	if (!m || !*c)
		_exit(ATTEMPT_UNKNOWN);
	merkle_observe(m, chunks_observe, *c);
	merkle_zeros(m, f->size);
	if (merkle_final(m, f->fsverity, &e) < 0)
		_exit(ATTEMPT_UNKNOWN);
	merkle_destroy(m);
}

void __wrap_reader_seal_put(struct wire_out *w, const struct sealing_found *x)
{
	struct seal_file *f = x->complete && x->seal.files.count ? x->seal.files.items : NULL;
	if (f && word == OTHER_SHA256)
		f->sha256[0] ^= 1;
	else if (f && word == OTHER_TREE)
		forge_tree(f, &x->chunks[0]);
	__real_reader_seal_put(w, x);
}
