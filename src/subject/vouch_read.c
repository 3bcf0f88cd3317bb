// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Reads what packages vouch for, or what vouches for itself, on all cores: each reads a run of the files in the order
 * of the disk.
 */
#include <pthread.h>

#include "backproof/text.h"
#include "vouch.h"

#define CHUNK (1 * MIB)
#define MAX_READERS 4

/* A run of the targets, read by one thread through file systems of its own: readers share no state. */
struct reader {
	struct vouch *x;
	struct target *from, *end;
	struct subject_volume *volume; /* the one that fs was opened on */
	struct fs *fs;
	struct findings opened; /* what opening it again says was said before */
	struct digest *digests[DIGEST_KINDS];
	uint8_t *buf;
	pthread_t thread;
	int result;
	struct error error;
};

static int digest_file(struct reader *r, struct target *t, struct digest *d, uint8_t out[DIGEST_MAX],
		       struct error *e)
{
	struct fs_entry entry = {.path = t->vouched->path, .id = t->id, .type = ENTRY_FILE, .size = t->size};
	autostream struct stream *in = fs_open_file(r->fs, &entry, e);
	if (!in || digest_reset(d, e) < 0)
		return -1;
	for (;;) {
		ssize_t n = stream_read(in, r->buf, CHUNK, e);
		if (n < 0 || budget_check(r->x->p->budget, e) < 0)
			return -1;
		if (n == 0)
			break;
		digest_update(d, r->buf, (size_t)n);
	}
	return stream_finish(in, e) < 0 ? -1 : digest_final(d, out, e);
}

static int use_volume(struct reader *r, struct subject_volume *v, struct error *e)
{
	if (r->volume == v)
		return 0;
	fs_destroy(r->fs);
	r->volume = v;
	r->fs = fs_open(v->volume->content.type, v->volume->window, v->name, &r->opened, e);
	return r->fs ? 0 : -1;
}

static int read_target(struct reader *r, struct target *t)
{
	if (r->x->programs) {
		if (use_volume(r, t->volume, &r->error) < 0)
			return -1;
		return vouch_program(r->x, r->fs, t, r->buf, &r->error);
	}
	enum digest_kind k = t->vouched->kind;
	uint8_t got[DIGEST_MAX];
	struct error why = {0};
	if (!r->digests[k] && !(r->digests[k] = digest_new(k, &r->error)))
		return -1;
	if (use_volume(r, t->volume, &why) == 0 && digest_file(r, t, r->digests[k], got, &why) == 0) {
		t->result = memcmp(got, t->vouched->digest, digest_size(k)) ? OUTCOME_BROKEN : OUTCOME_HELD;
		return 0;
	}
	if (why.cls == ERROR_LIMIT || why.cls == ERROR_INTERNAL || !r->fs) {
		r->error = why;
		return -1;
	}
	t->result = OUTCOME_UNREADABLE;
	autofree char *where = text_format("%s:/%s", t->volume->name, t->vouched->path);
	finding_error(r->x->f, PROOF_RESTORE, "package.read", where ? where : t->volume->name, &why);
	return 0;
}

static void *read_run(void *arg)
{
	struct reader *r = arg;
	for (struct target *t = r->from; t < r->end && r->result == 0; t++)
		r->result = read_target(r, t);
	return NULL;
}

static int reader_open(struct reader *r, struct vouch *x, struct target *from, size_t count)
{
	*r = (struct reader){.x = x, .from = from, .end = from + count, .buf = malloc(CHUNK)};
	if (r->buf && findings_init(&r->opened) == 0)
		return 0;
	return r->result = error_nomem(&r->error);
}

static void reader_close(struct reader *r)
{
	fs_destroy(r->fs);
	/* What went wrong when a file system was opened again, and not the first time, counts too. */
	findings_add_news(r->x->f, &r->opened);
	findings_free(&r->opened);
	for (size_t k = 0; k < DIGEST_KINDS; k++)
		digest_destroy(r->digests[k]);
	free(r->buf);
}

/* The targets are cut into runs, one a core; a run stays in the order of the disk. */
int vouch_read(struct vouch *x, struct error *e)
{
	struct reader readers[MAX_READERS];
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	size_t wanted = cores < 1 ? 1 : cores > MAX_READERS ? MAX_READERS : (size_t)cores, started = 0;
	size_t count = x->targets.count, each = count / wanted + 1;
	int rc = 0;
	for (size_t i = 0; i * each < count; i++, started++) {
		struct reader *r = &readers[i];
		size_t n = count - i * each < each ? count - i * each : each;
		if (reader_open(r, x, x->targets.items + i * each, n) < 0)
			continue;
		/* Without a thread the run is read here and now. */
		if (pthread_create(&r->thread, NULL, read_run, r) != 0) {
			r->thread = pthread_self();
			read_run(r);
		}
	}
	for (size_t i = 0; i < started; i++) {
		struct reader *r = &readers[i];
		if (r->thread && !pthread_equal(r->thread, pthread_self()))
			pthread_join(r->thread, NULL);
		if (r->result < 0) {
			*e = r->error;
			rc = -1;
		}
	}
	for (size_t i = 0; i < started; i++)
		reader_close(&readers[i]);
	return rc;
}
