// SPDX-License-Identifier: GPL-3.0-or-later
#include "trial.h"

#include "backproof/pool.h"
#include "backproof/sealed.h"
#include "backproof/text.h"
#include "traits.h"

/* A witness may have the window of a decoder in memory. */
#define PROVED_AT_ONCE 8u

int trial_open(struct trial *t, const struct check_parameters *p, uint32_t files, uint64_t salt,
	       struct error *e)
{
	struct rng r = {p->seed ^ salt * UINT64_C(0x9e3779b97f4a7c15)};
	uint32_t large = files / 4;
	memset(t, 0, sizeof *t);
	t->slot_count = files;
	t->noting = p->sealing;
	t->limit = p->policy->sample_bytes;
	reservoir_init(&t->small, files - large, rng_next(&r));
	reservoir_init(&t->large, large, rng_next(&r));
	t->slots = calloc(files ? files : 1, sizeof *t->slots);
	t->pattern_met = calloc(p->policy->critical.count + 1, sizeof *t->pattern_met);
	if (!t->slots || !t->pattern_met)
		return error_nomem(e);
	t->restorer = restorer_open(p->scratch, e);
	return t->restorer ? 0 : -1;
}

void trial_close(struct trial *t)
{
	for (size_t i = 0; i < t->slot_count && t->slots; i++)
		restored_free(&t->slots[i]);
	vec_each(&t->critical, r) restored_free(r);
	free(t->critical.items);
	free(t->slots);
	free(t->pattern_met);
	restorer_destroy(t->restorer);
	manifest_free(&t->manifest);
	memset(t, 0, sizeof *t);
}

bool trial_is_critical(struct trial *t, const struct policy *policy, const char *path)
{
	bool met = false;
	for (size_t i = 0; i < policy->critical.count; i++)
		if (critical_match(policy->critical.items[i], path))
			met = t->pattern_met[i] = true;
	return met;
}

struct restored *trial_draw(struct trial *t, uint64_t size)
{
	/* One file must not eat the whole allowance, nor push out a seeded choice made before. */
	if (size > t->limit / 8 || t->bytes + size > t->limit)
		return NULL;
	bool large = size >= LARGE_FILE;
	int64_t slot = reservoir_offer(large ? &t->large : &t->small);
	if (slot < 0)
		return NULL;
	struct restored *it = &t->slots[(large ? t->small.slots : 0) + (uint64_t)slot];
	if (it->name) {
		t->bytes -= it->size;
		restore_remove(t->restorer, it);
		restored_free(it);
	}
	t->bytes += size;
	return it;
}

/* One file that came out, on its way through the proofs. */
struct proof_of {
	struct restored *it;
	struct findings findings; /* its own: in the end they stand in the order of the files */
	bool kept; /* findings has been set up */
	bool restored, witnessed, tried;
	uint64_t opaque_bytes, tried_bytes;
};

struct proving {
	struct trial *trial;
	const char *subject;
	struct proof_of *items;
	size_t count;
	_Atomic size_t next;
};

/* The witness of a restored file's own bytes, if there is one. */
static void ask_witness(struct proof_of *x, int fd, const char *subject)
{
	uint8_t head[512];
	const struct restored *it = x->it;
	struct error e = {.offset = ERROR_NO_OFFSET};
	enum outcome o = OUTCOME_UNPROVEN;
	const struct witness *w = NULL;
	ssize_t n = read_whole_at(fd, head, sizeof head, 0);
	if (n < 0)
		error_sys(&e, "scratch copy of %s", it->path);
	else if (!(w = witness_for(it->path, head, (size_t)n)))
		return;
	else
		o = w->check(fd, it->size, it->path, &e);
	if (o == OUTCOME_HELD) {
		x->witnessed = true;
		return;
	}
	/* A kind of file that can't be asked takes nothing away from the restore; a failure to ask does. */
	if (o == OUTCOME_UNPROVEN && (e.cls == ERROR_UNSUPPORTED || e.cls == ERROR_ENCRYPTED))
		o = OUTCOME_SKIPPED;
	struct finding_text more = {.error = e.cls, .offset = e.offset, .has_offset = e.offset >= 0};
	autofree char *where = text_format("%s:/%s", subject, it->path);
	finding_add(&x->findings, PROOF_RESTORE, "witness.file", where ? where : subject, o, &more, "%s: %s",
		    w ? w->name : "witness", e.text);
}

/* The seal may know it: then it is what it was. */
static void ask_seal(const struct trial *t, struct proof_of *x, const char *subject)
{
	const struct restored *it = x->it;
	if (!t->subject || !t->subject->sealed || !t->mount)
		return;
	autofree char *full = text_format("/%s%s%s", t->mount, *t->mount ? "/" : "", it->path);
	if (!full) {
		x->findings.lost = true;
		return;
	}
	const struct seal_entry *known = sealed_entry(t->subject, full);
	if (known && known->size == it->size && !memcmp(known->sha256, it->digest, sizeof known->sha256)) {
		x->witnessed = true;
	} else if (known && !t->repeats) {
		char want[65], have[65];
		struct finding_text more = {.expected = hex_encode(known->sha256, 32, want),
					    .measured = hex_encode(it->digest, 32, have),
					    .error = ERROR_CORRUPT};
		finding_add(&x->findings, PROOF_RESTORE, "seal.file", subject, OUTCOME_BROKEN, &more,
			    "%s came out as another file than the seal knows", full);
	}
}

static void prove_one(const struct trial *t, struct proof_of *x, const char *subject)
{
	struct restorer *r = t->restorer;
	struct error e = {0};
	int fd = restore_read_back(r, x->it, &e);
	if (fd == -1) {
		/* The scratch disk lied, not the backup: that proves neither. */
		if (e.cls == ERROR_CORRUPT)
			e.cls = ERROR_IO;
		finding_error(&x->findings, PROOF_RESTORE, "restore.readback", subject, &e);
	} else {
		x->restored = true;
	}
	if (fd >= 0) {
		ask_witness(x, fd, subject);
		ask_seal(t, x, subject);
		int tried = traits_try(fd, x->it->size, x->it->path, &x->opaque_bytes, &x->tried_bytes, &e);
		if (tried < 0)
			finding_error(&x->findings, PROOF_RESTORE, "restore.readback", subject, &e);
		x->tried = tried > 0;
		close(fd);
	}
	restore_remove(r, x->it);
}

/* The i-th of everything that came out, or NULL. What did not come out has no name, and a finding of its own. */
static struct restored *nth(struct trial *t, size_t i)
{
	struct restored *it = i < t->critical.count ? &t->critical.items[i] : &t->slots[i - t->critical.count];
	return it->name ? it : NULL;
}

/* All onto the disk; what can't be brought there is not proved. */
static void flush_all(struct trial *t, size_t count, const char *subject, struct findings *f)
{
	for (int wait = 0; wait < 2; wait++)
		for (size_t i = 0; i < count; i++) {
			struct error e = {0};
			struct restored *it = nth(t, i);
			if (!it || restore_flush(t->restorer, it, wait, &e) == 0)
				continue;
			finding_error(f, PROOF_RESTORE, "restore.flush", subject, &e);
			t->failed++;
			restore_remove(t->restorer, it);
			restored_free(it);
		}
}

static void prove_some(void *ctx, size_t unused)
{
	struct proving *all = ctx;
	(void)unused;
	for (size_t i; (i = all->next++) < all->count;)
		prove_one(all->trial, &all->items[i], all->subject);
}

/* restore_read_back has held what it reads against its digest. */
static int note_one(struct trial *t, const struct restored *it)
{
	if (it->type != ENTRY_FILE)
		return 0;
	struct manifest_entry *m = vec_push(&t->manifest.files);
	if (!m)
		return -1;
	*m = (struct manifest_entry){.path = strdup(it->path), .size = it->size, .mode = it->mode & 07777};
	memcpy(m->sha256, it->digest, sizeof m->sha256);
	return m->path ? 0 : -1;
}

static int prove_all(struct trial *t, size_t count, struct sample_result *sample, const char *subject,
		     struct findings *f)
{
	struct proving all = {.trial = t, .subject = subject};
	autofree struct proof_of *items = all.items = calloc(count + 1, sizeof *items);
	bool room = items;
	for (size_t i = 0; i < count && room; i++) {
		struct proof_of *x = &items[all.count];
		if (!(x->it = nth(t, i)))
			continue;
		room = x->kept = findings_init(&x->findings) == 0;
		all.count++;
	}
	if (room)
		pool_each(all.count < PROVED_AT_ONCE ? all.count : PROVED_AT_ONCE, prove_some, &all);
	for (size_t i = 0; i < all.count; i++) {
		struct proof_of *x = &items[i];
		if (!x->kept)
			continue;
		findings_take(f, &x->findings);
		findings_free(&x->findings);
		t->failed += !x->restored;
		if (x->restored && t->noting && note_one(t, x->it) < 0)
			f->lost = true;
		sample->restored += x->restored;
		sample->bytes += x->restored ? x->it->size : 0;
		sample->witnessed += x->witnessed;
		sample->tried_files += x->tried;
		sample->opaque_bytes += x->opaque_bytes;
		sample->tried_bytes += x->tried_bytes;
	}
	return room ? 0 : -1;
}

void trial_prove(struct trial *t, struct sample_result *sample, const char *subject, struct findings *f)
{
	struct error e = {0};
	if (restore_end(t->restorer, &e) < 0)
		finding_error(f, PROOF_RESTORE, "restore.end", subject, &e);
	uint64_t before = sample->restored, bytes = sample->bytes;
	size_t count = t->critical.count + t->slot_count;
	flush_all(t, count, subject, f);
	if (prove_all(t, count, sample, subject, f) < 0)
		f->lost = true;
	sample->seconds += restore_seconds(t->restorer);
	sample->failed += t->failed;
	char size[32];
	uint64_t files = sample->restored - before;
	if (files)
		finding_add(f, PROOF_RESTORE, "restore.files", subject, OUTCOME_HELD, NULL,
			    "%llu files (%s) came out into scratch and read back the same",
			    (unsigned long long)files, format_size(sample->bytes - bytes, size));
}
