// SPDX-License-Identifier: GPL-3.0-or-later
#include "backproof/finding.h"

#include <pthread.h>
#include <stdarg.h>

#include "backproof/pool.h"
#include "backproof/text.h"

/* A name in an image may have 64 KiB, and a line of a file a megabyte: nobody reads that in a report. */
#define TEXT_MOST 4096

/* A million damaged inodes make one point, not a million lines. */
#define KEPT_OF_A_KIND 50

int findings_init(struct findings *f)
{
	memset(f, 0, sizeof *f);
	pthread_mutex_t *lock = malloc(sizeof *lock);
	if (!lock)
		return -1;
	pthread_mutex_init(lock, NULL);
	f->lock = lock;
	return 0;
}

void findings_free(struct findings *f)
{
	vec_each(f, it)
	{
		free(it->subject);
		free(it->expected);
		free(it->measured);
		free(it->detail);
	}
	free(f->items);
	if (f->lock)
		pthread_mutex_destroy(f->lock);
	free(f->lock);
	memset(f, 0, sizeof *f);
}

void findings_seal(struct findings *f)
{
	f->sealed = true;
}

static char *copy_or_lose(struct findings *f, const char *s)
{
	if (!s)
		return NULL;
	char *copy = text_bounded(s, strlen(s), TEXT_MOST);
	if (!copy)
		f->lost = true;
	return copy;
}

/* Whether it is about that subject; of a longer one than is kept, its beginning tells. */
static bool is_about(const struct finding *it, const char *subject)
{
	if (!it->subject)
		return true;
	size_t n = strlen(it->subject);
	return strlen(subject) <= TEXT_MOST ? !strcmp(it->subject, subject)
					    : n > TEXT_MOST - 8 && !strncmp(it->subject, subject, n - 3);
}

static void append(struct findings *f, enum proof proof, const char *check, const char *subject,
		   enum outcome outcome, const struct finding_text *more, const char *detail)
{
	if (f->sealed) {
		f->lost = true;
		return;
	}
	enum blame blame = more ? more->blame : BLAME_DEFAULT;
	size_t alike = 0;
	vec_each(f, it) alike += it->outcome == outcome && it->proof == proof && it->blame == blame &&
				 !strcmp(it->check, check);
	if (alike >= KEPT_OF_A_KIND) {
		f->dropped[proof]++;
		return;
	}
	struct finding *it = vec_push(f);
	if (!it) {
		f->lost = true;
		return;
	}
	it->proof = proof;
	it->outcome = outcome;
	it->check = check;
	it->offset = ERROR_NO_OFFSET;
	it->subject = copy_or_lose(f, subject ? subject : "");
	it->detail = copy_or_lose(f, detail);
	if (more) {
		it->blame = more->blame;
		it->error = more->error;
		if (more->has_offset)
			it->offset = more->offset;
		it->expected = copy_or_lose(f, more->expected);
		it->measured = copy_or_lose(f, more->measured);
	}
}

void finding_add(struct findings *f, enum proof proof, const char *check, const char *subject,
		 enum outcome outcome, const struct finding_text *more, const char *fmt, ...)
{
	autofree char *detail = NULL;
	va_list ap;
	va_start(ap, fmt);
	int n = vasprintf(&detail, fmt, ap);
	va_end(ap);
	pthread_mutex_lock(f->lock);
	if (n < 0) {
		detail = NULL;
		f->lost = true;
	}
	append(f, proof, check, subject, outcome, more, detail);
	pthread_mutex_unlock(f->lock);
}

static bool is_said(const struct findings *f, const struct finding *it)
{
	vec_each(f, x) if (x->outcome == it->outcome && !strcmp(x->check, it->check) && x->subject &&
			   !strcmp(x->subject, it->subject)) return true;
	return false;
}

static void add_copy(struct findings *to, const struct finding *it)
{
	struct finding_text more = {it->expected, it->measured, it->offset, it->offset != ERROR_NO_OFFSET,
				    it->blame, it->error};
	finding_add(to, it->proof, it->check, it->subject, it->outcome, &more, "%s", it->detail ? it->detail : "");
}

enum merging { MERGE_NEWS, MERGE_UNSAID, MERGE_ALL };

static void merge(struct findings *to, const struct findings *from, enum merging how)
{
	vec_each(from, it)
	{
		bool settled = it->outcome == OUTCOME_HELD || it->outcome == OUTCOME_SKIPPED;
		pthread_mutex_lock(to->lock);
		bool said = how != MERGE_ALL && !settled && it->subject && is_said(to, it);
		pthread_mutex_unlock(to->lock);
		if (!said && (how != MERGE_NEWS || !settled))
			add_copy(to, it);
	}
	pthread_mutex_lock(to->lock);
	to->lost |= from->lost;
	for (int p = 0; p < PROOF_COUNT; p++)
		to->dropped[p] += how != MERGE_NEWS ? from->dropped[p] : 0;
	pthread_mutex_unlock(to->lock);
}

void findings_add_news(struct findings *to, const struct findings *from)
{
	merge(to, from, MERGE_NEWS);
}

void findings_append(struct findings *to, const struct findings *from)
{
	merge(to, from, MERGE_UNSAID);
}

void findings_take(struct findings *to, const struct findings *from)
{
	merge(to, from, MERGE_ALL);
}

/* "a.img: grew", of a.img: a report says already whose it is. */
static const char *without_subject(const char *text, const char *subject)
{
	size_t n = subject ? strlen(subject) : 0;
	return n && !strncmp(text, subject, n) && !strncmp(text + n, ": ", 2) ? text + n + 2 : text;
}

void finding_error(struct findings *f, enum proof proof, const char *check, const char *subject,
		   const struct error *e)
{
	static const enum outcome outcomes[] = {
		[ERROR_IO] = OUTCOME_UNREADABLE,
		[ERROR_CORRUPT] = OUTCOME_BROKEN,
		[ERROR_UNSUPPORTED] = OUTCOME_UNSUPPORTED,
		[ERROR_ENCRYPTED] = OUTCOME_UNSUPPORTED,
		[ERROR_BUSY] = OUTCOME_BROKEN,
		[ERROR_MISSING] = OUTCOME_BROKEN,
		[ERROR_INTERNAL] = OUTCOME_UNPROVEN,
	};
	enum outcome outcome = (size_t)e->cls < ARRAY_SIZE(outcomes) ? outcomes[e->cls] : OUTCOME_UNPROVEN;
	struct finding_text more = {
		.error = e->budget ? ERROR_LIMIT : e->cls,
		.blame = e->cls == ERROR_BUSY ? BLAME_BUSY : e->cls == ERROR_MISSING ? BLAME_INCOMPLETE : BLAME_DEFAULT,
		.offset = e->offset,
		.has_offset = e->offset >= 0,
	};
	finding_add(f, proof, e->budget ? e->budget : check, subject, outcome, &more, "%s",
		    without_subject(e->text, subject));
}

static const char *const proof_names[PROOF_COUNT] = {
	[PROOF_PRESENCE] = "presence",	 [PROOF_FRESHNESS] = "freshness",
	[PROOF_INTEGRITY] = "integrity", [PROOF_STRUCTURE] = "structure",
	[PROOF_IDENTITY] = "identity",	 [PROOF_COVERAGE] = "coverage",
	[PROOF_RESTORE] = "restore",
};

const char *proof_name(enum proof p)
{
	return proof_names[p];
}

int proof_by_name(const char *name)
{
	for (int i = 0; i < PROOF_COUNT; i++)
		if (!strcmp(name, proof_names[i]))
			return i;
	return -1;
}

const char *outcome_name(enum outcome o)
{
	static const char *const names[] = {
		[OUTCOME_UNPROVEN] = "unproven",   [OUTCOME_HELD] = "held",
		[OUTCOME_BROKEN] = "broken",	   [OUTCOME_UNREADABLE] = "unreadable",
		[OUTCOME_UNSUPPORTED] = "unsupported", [OUTCOME_SKIPPED] = "skipped",
	};
	return names[o];
}

enum outcome findings_proof(const struct findings *f, enum proof p)
{
	bool held = false, open = f->lost;
	for (size_t i = 0; i < f->count; i++) {
		const struct finding *it = &f->items[i];
		if (it->proof != p || it->outcome == OUTCOME_SKIPPED)
			continue;
		if (it->outcome == OUTCOME_BROKEN)
			return OUTCOME_BROKEN;
		if (it->outcome == OUTCOME_HELD)
			held = true;
		else
			open = true;
	}
	return held && !open ? OUTCOME_HELD : OUTCOME_UNPROVEN;
}

size_t findings_against(const struct findings *f, enum proof p, const char *subject)
{
	size_t n = 0;
	pthread_mutex_lock(f->lock);
	for (size_t i = 0; i < f->count; i++)
		n += f->items[i].proof == p && f->items[i].outcome != OUTCOME_HELD &&
		     f->items[i].outcome != OUTCOME_SKIPPED && is_about(&f->items[i], subject);
	pthread_mutex_unlock(f->lock);
	return n;
}

struct beside {
	struct task task; /* first: task is beside */
	findings_fn *fn;
	void *ctx;
	struct findings own;
};

static void run_beside(struct task *t)
{
	struct beside *b = (struct beside *)t;
	b->fn(b->ctx, &b->own);
}

void findings_beside(struct findings *f, findings_fn *first, void *ctx, findings_fn *second, void *second_ctx)
{
	struct beside b = {{.run = run_beside}, second, second_ctx, {0}};
	bool room = findings_init(&b.own) == 0;
	f->lost |= !room;
	if (room)
		task_begin(&b.task);
	first(ctx, f);
	if (room) {
		task_wait(&b.task);
		findings_append(f, &b.own);
	} else {
		second(second_ctx, f);
	}
	findings_free(&b.own);
}
