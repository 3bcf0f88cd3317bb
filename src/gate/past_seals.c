// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The hashes of chunks that the history did not keep, as a seal beside the file has them. It need not be believed:
 * hashes that give the digest which an earlier full check found are that file's, wherever they come from.
 */
#include "backproof/sealed.h"
#include "past.h"

static void take_chunks(struct past *x, const struct seal *s, struct chunks **tree)
{
	for (size_t i = 0; i < s->files.count; i++) {
		struct past_chunks *to = tree[i] ? vec_push(&x->sealed) : NULL;
		if (!to)
			continue;
		memcpy(to->fsverity, s->files.items[i].fsverity, sizeof to->fsverity);
		to->size = s->files.items[i].size;
		to->chunks = take(tree[i]);
	}
}

/* What can't be read is not there: whoever checks the seal will say why. */
static void load_all(struct past *x, const struct restore_point *point)
{
	struct strings paths = {0};
	struct error e = {0};
	x->seals_read = true;
	if (sealed_find_beside(point, &paths, &e) < 0)
		paths.count = 0;
	for (size_t i = 0; i < paths.count; i++) {
		struct seal s = {0};
		struct chunks **tree = NULL;
		if (seal_load(paths.items[i], NULL, &s, &e) == 0 && s.tree_name && seal_tree_load(&s, &tree, &e) == 0)
			take_chunks(x, &s, tree);
		seal_tree_free(tree, s.files.count);
		seal_free(&s);
	}
	strings_free(&paths);
}

void past_add_sealed_chunks(struct past *x, const struct restore_point *point, struct history_file *proof)
{
	if (proof->chunks || !proof->has_fsverity || !chunks_of_size(proof->size))
		return;
	if (!x->seals_read)
		load_all(x, point);
	vec_each(&x->sealed, it)
		if (it->chunks && it->size == proof->size &&
		    !memcmp(it->fsverity, proof->fsverity, sizeof it->fsverity)) {
			proof->chunks = take(it->chunks);
			return;
		}
}
