// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The hashes of chunks that the history did not keep, as a seal beside the file has them. It need not be believed:
 * hashes that give the digest which an earlier full check found are that file's, wherever they come from.
 */
#include "backproof/sealed.h"
#include "past.h"
#include "reader_life.h"

#define FILES_MOST 1000000

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

void past_seals_inside(const struct restore_point *point, struct wire_out *result)
{
	struct past x = {0};
	load_all(&x, point);
	wire_put_u64(result, x.sealed.count);
	vec_each(&x.sealed, it)
	{
		struct error e;
		size_t len = 0;
		autofree uint8_t *packed = chunks_pack(it->chunks, &len, &e);
		wire_put(result, it->fsverity, sizeof it->fsverity);
		wire_put_u64(result, it->size);
		wire_put_u64(result, packed ? len : 0);
		wire_put(result, packed, packed ? len : 0);
		chunks_destroy(it->chunks);
	}
	vec_free(&x.sealed);
}

static void get_one(struct wire_in *w, struct past_chunks *to)
{
	struct error e;
	const void *digest = wire_get(w, sizeof to->fsverity);
	if (digest)
		memcpy(to->fsverity, digest, sizeof to->fsverity);
	to->size = wire_get_u64(w);
	size_t len = wire_get_count(w, 1, SIZE_MAX);
	const void *packed = wire_get(w, len);
	if (!w->bad && !(to->chunks = chunks_unpack(packed, len, &e)))
		wire_bad(w, "hashes that are none");
}

/* Whoever uses them holds them against the digest that is remembered. */
static int take_seals(struct reader_life *r, const void *data, size_t length, struct error *e)
{
	struct past *x = r->ctx;
	struct wire_in w;
	wire_in_init(&w, data, length);
	size_t count = wire_get_count(&w, MERKLE_HASH + 16, FILES_MOST);
	for (size_t i = 0; i < count && !w.bad; i++) {
		struct past_chunks *to = vec_push(&x->sealed);
		if (to)
			get_one(&w, to);
		else
			wire_bad(&w, "out of memory");
	}
	return wire_in_done(&w) ? 0
				: error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s",
					    w.why ? w.why : "more than belongs to it");
}

/* Seals are written by whoever writes the backups. A reader that fails has none: the check is a full one then. */
static void load_by_reader(struct past *x, const struct restore_point *point, const struct check_parameters *p)
{
	struct reader_life r = {.point = point,
				.p = p,
				.request.task = READER_CHUNKS,
				.target = -1,
				.take_result = take_seals,
				.ctx = x};
	x->seals_read = true;
	reader_life_run(&r);
	reader_life_free(&r);
}

void past_add_sealed_chunks(struct past *x, const struct restore_point *point, const struct check_parameters *p,
			    struct history_file *proof)
{
	if (proof->chunks || !proof->has_fsverity || !chunks_of_size(proof->size))
		return;
	if (!x->seals_read && reader_wanted(p->policy))
		load_by_reader(x, point, p);
	else if (!x->seals_read)
		load_all(x, point);
	vec_each(&x->sealed, it)
		if (it->chunks && it->size == proof->size &&
		    !memcmp(it->fsverity, proof->fsverity, sizeof it->fsverity)) {
			proof->chunks = take(it->chunks);
			return;
		}
}
