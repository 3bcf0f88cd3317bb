// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Reads what packages vouch for, or what vouches for itself, on all cores. The largest come first, so that no core is
 * left alone with one of them at the end; all others in the order of the disk.
 */
#include "backproof/md5_lanes.h"
#include "backproof/pool.h"
#include "backproof/text.h"
#include "parts.h"
#include "vouch.h"

#define LARGE (1 * MIB)
/* Fewer bytes, and fewer files, are not worth another core. */
#define BYTES_EACH (4 * MIB)
#define FILES_EACH 32
/* ... where each needs a file system opened for itself, with a cache of its own. */
#define UNSHARED_MAX 4
/* What all buffers take together at most, and one lane's. */
#define BUFFERS (32 * MIB)
#define LANE_MIN (16 * KIB)
#define AHEAD 64 /* files that are asked of a disk before they are read */

struct vouch_reading {
	struct vouch *x;
	struct vouch_queue md5, rest; /* rest: all that is read one by one */
	unsigned lanes;
	size_t chunk;
	struct vouch_reader *readers;
	size_t count;
	atomic_bool stopped;
};

int vouch_tell(struct target *t, const char *check, const struct error *why, struct error *e)
{
	t->check = check;
	t->why = malloc(sizeof *t->why);
	if (!t->why)
		return error_nomem(e);
	*t->why = *why;
	return 0;
}

void vouch_stop(struct vouch_reader *r, const struct error *why)
{
	r->result = -1;
	r->error = *why;
	r->all->stopped = true;
}

void vouch_unread(struct vouch_reader *r, struct target *t, const struct error *why)
{
	struct error e = {0};
	t->result = OUTCOME_UNREADABLE;
	if (why->cls == ERROR_LIMIT || why->cls == ERROR_INTERNAL)
		vouch_stop(r, why);
	else if (vouch_tell(t, "package.read", why, &e) < 0)
		vouch_stop(r, &e);
}

void vouch_compare(struct target *t, const uint8_t *digest)
{
	const struct vouched *v = t->vouched;
	t->result = memcmp(digest, v->digest, digest_size(v->kind)) ? OUTCOME_BROKEN : OUTCOME_HELD;
}

struct target *vouch_next(struct vouch_reader *r, struct vouch_queue *q)
{
	if (r->all->stopped)
		return NULL;
	size_t i = q->next++;
	for (size_t ahead = i ? i + AHEAD : 0; ahead <= i + AHEAD && ahead < q->count; ahead++)
		subject_expect(q->items[ahead]->volume, q->items[ahead]->place, q->items[ahead]->size);
	return i < q->count ? q->items[i] : NULL;
}

static struct fs *reader_of(struct vouch_reader *r, const struct subject_volume *v, struct error *e)
{
	vec_each(&r->volumes, it) if (it->volume == v) return it->fs;
	struct volume_reader *to = vec_push(&r->volumes);
	if (!to) {
		(void)!error_nomem(e);
		return NULL;
	}
	to->volume = v;
	to->fs = subject_reopen(v, &r->opened, e);
	return to->fs;
}

struct stream *vouch_open(struct vouch_reader *r, struct target *t)
{
	struct fs_entry entry = {.path = t->vouched->path, .id = t->id, .type = ENTRY_FILE, .size = t->size};
	struct error e = {0};
	struct fs *fs = reader_of(r, t->volume, &e);
	/* It could be opened before: without it nothing is known of any file on it. */
	if (!fs) {
		vouch_stop(r, &e);
		return NULL;
	}
	struct stream *in = fs_open_file(fs, &entry, &e);
	if (!in)
		vouch_unread(r, t, &e);
	return in;
}

static int digest_file(struct vouch_reader *r, struct stream *in, struct digest *d, uint8_t out[DIGEST_MAX],
		       struct error *e)
{
	ssize_t n;
	if (digest_reset(d, e) < 0)
		return -1;
	while ((n = stream_read(in, r->buf, VOUCH_CHUNK, e)) > 0) {
		if (budget_check(r->x->p->budget, e) < 0)
			return -1;
		digest_update(d, r->buf, (size_t)n);
	}
	return n < 0 || stream_finish(in, e) < 0 ? -1 : digest_final(d, out, e);
}

static void read_program(struct vouch_reader *r, struct target *t)
{
	struct error e = {0};
	struct fs *fs = reader_of(r, t->volume, &e);
	if (!fs || vouch_program(r->x, fs, t, r->buf, &e) < 0)
		vouch_stop(r, &e);
}

static void read_one(struct vouch_reader *r, struct target *t)
{
	enum digest_kind k = t->vouched->kind;
	uint8_t got[DIGEST_MAX];
	struct error e = {0};
	if (!r->buf && !(r->buf = malloc(VOUCH_CHUNK))) {
		(void)!error_nomem(&e);
		vouch_stop(r, &e);
		return;
	}
	if (r->x->programs) {
		read_program(r, t);
		return;
	}
	if (!r->digests[k] && !(r->digests[k] = digest_new(k, &e))) {
		vouch_stop(r, &e);
		return;
	}
	autostream struct stream *in = vouch_open(r, t);
	if (!in)
		return;
	if (digest_file(r, in, r->digests[k], got, &e) < 0)
		vouch_unread(r, t, &e);
	else
		vouch_compare(t, got);
}

static void run_reader(void *ctx, size_t i)
{
	struct vouch_reading *all = ctx;
	struct vouch_reader *r = &all->readers[i];
	struct target *t;
	if (all->md5.count)
		vouch_read_lanes(r, &all->md5, all->lanes, all->chunk);
	while ((t = vouch_next(r, &all->rest)))
		read_one(r, t);
}

static int by_size(const void *a, const void *b)
{
	const struct target *x = *(struct target *const *)a, *y = *(struct target *const *)b;
	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* The large ones by size, then the small ones as they come. */
static int fill(struct vouch_queue *q, struct vouch *x, bool md5, struct error *e)
{
	q->items = malloc((x->targets.count + 1) * sizeof(struct target *));
	if (!q->items)
		return error_nomem(e);
	for (int large = 1; large >= 0; large--) {
		vec_each(&x->targets, t) if ((!x->programs && md5_lanes() && t->vouched->kind == DIGEST_MD5) == md5 &&
					     (t->size >= LARGE) == large)
			q->items[q->count++] = t;
		if (large && q->count)
			qsort(q->items, q->count, sizeof(struct target *), by_size);
	}
	return 0;
}

static bool is_shared(const struct vouch *x)
{
	const struct subject_volume *seen = NULL;
	bool shared = true;
	vec_each(&x->targets, t)
	{
		if (t->volume == seen)
			continue;
		seen = t->volume;
		struct fs *fs = fs_share(seen->fs);
		shared &= fs != NULL;
		fs_destroy(fs);
	}
	return shared;
}

static int readers_open(struct vouch_reading *all, struct error *e)
{
	uint64_t bytes = 0;
	vec_each(&all->x->targets, t) bytes += t->size;
	size_t most = 1 + (size_t)(bytes / BYTES_EACH) + all->x->targets.count / FILES_EACH;
	if (most > UNSHARED_MAX && !is_shared(all->x))
		most = UNSHARED_MAX;
	size_t wanted = pool_width() < most ? pool_width() : most;
	all->readers = calloc(wanted, sizeof *all->readers);
	if (!all->readers)
		return error_nomem(e);
	for (; all->count < wanted; all->count++) {
		struct vouch_reader *r = &all->readers[all->count];
		*r = (struct vouch_reader){.all = all, .x = all->x};
		if (findings_init(&r->opened) < 0)
			return error_nomem(e);
	}
	/* No more lanes than there are files for them. */
	all->lanes = md5_lanes();
	if (all->md5.count / wanted < all->lanes)
		all->lanes = (unsigned)(all->md5.count / wanted) + 1;
	size_t each = BUFFERS / wanted / all->lanes;
	all->chunk = each > VOUCH_CHUNK ? VOUCH_CHUNK : each < LANE_MIN ? LANE_MIN : each - each % LANE_MIN;
	return 0;
}

static void reader_close(struct vouch_reader *r)
{
	vec_each(&r->volumes, v) fs_destroy(v->fs);
	free(r->volumes.items);
	/* What went wrong when a file system was opened again, and not the first time, counts too. */
	findings_add_news(r->x->f, &r->opened);
	findings_free(&r->opened);
	for (size_t k = 0; k < DIGEST_KINDS; k++)
		digest_destroy(r->digests[k]);
	free(r->buf);
}

static void tell_all(struct vouch *x)
{
	vec_each(&x->targets, t)
	{
		if (!t->why)
			continue;
		autofree char *where = text_format("%s:/%s", t->volume->name, t->vouched->path);
		finding_error(x->f, PROOF_RESTORE, t->check, where ? where : t->volume->name, t->why);
		free(t->why);
		t->why = NULL;
	}
}

int vouch_read(struct vouch *x, struct error *e)
{
	struct vouch_reading all = {.x = x};
	bool ready = fill(&all.md5, x, true, e) == 0 && fill(&all.rest, x, false, e) == 0 && readers_open(&all, e) == 0;
	int rc = ready ? 0 : -1;
	if (rc == 0 && x->targets.count)
		pool_each(all.count, run_reader, &all);
	tell_all(x);
	for (size_t i = 0; i < all.count; i++) {
		if (all.readers[i].result < 0) {
			*e = all.readers[i].error;
			rc = -1;
		}
		reader_close(&all.readers[i]);
	}
	free(all.readers);
	free(all.md5.items);
	free(all.rest.items);
	return rc;
}
