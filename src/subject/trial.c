// SPDX-License-Identifier: GPL-3.0-or-later
#include "trial.h"

#include "backproof/text.h"

int trial_open(struct trial *t, const struct check_parameters *p, uint32_t files, uint64_t salt,
	       struct error *e)
{
	struct rng r = {p->seed ^ salt * UINT64_C(0x9e3779b97f4a7c15)};
	uint32_t large = files / 4;
	memset(t, 0, sizeof *t);
	t->slot_count = files;
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

/* The witness of a restored file's own bytes, if there is one. */
static void ask_witness(struct subject *s, const struct restored *it, int fd, const char *subject,
			struct findings *f)
{
	uint8_t head[512];
	struct error e = {.offset = ERROR_NO_OFFSET};
	enum outcome o = OUTCOME_UNPROVEN;
	const struct witness *w = NULL;
	ssize_t n = pread(fd, head, sizeof head, 0);
	if (n < 0)
		error_sys(&e, "scratch copy of %s", it->path);
	else if (!(w = witness_for(it->path, head, (size_t)n)))
		return;
	else
		o = w->check(fd, it->size, it->path, &e);
	if (o == OUTCOME_HELD) {
		s->sample.witnessed++;
		return;
	}
	/* A kind of file that can't be asked takes nothing away from the restore; a failure to ask does. */
	if (o == OUTCOME_UNPROVEN && (e.cls == ERROR_UNSUPPORTED || e.cls == ERROR_ENCRYPTED))
		o = OUTCOME_SKIPPED;
	struct finding_text more = {.error = e.cls, .offset = e.offset, .has_offset = e.offset >= 0};
	autofree char *where = text_format("%s:/%s", subject, it->path);
	finding_add(f, PROOF_RESTORE, "witness.file", where ? where : subject, o, &more, "%s: %s",
		    w ? w->name : "witness", e.text);
}

static void prove_one(struct trial *t, struct subject *s, struct restored *it, const char *subject,
		      struct findings *f)
{
	struct error e = {0};
	int fd = restore_read_back(t->restorer, it, &e);
	if (fd == -1) {
		t->failed++;
		/* The scratch disk lied, not the backup: that proves neither. */
		if (e.cls == ERROR_CORRUPT)
			e.cls = ERROR_IO;
		finding_error(f, PROOF_RESTORE, "restore.readback", subject, &e);
	} else {
		s->sample.restored++;
		s->sample.bytes += it->size;
	}
	if (fd >= 0) {
		ask_witness(s, it, fd, subject, f);
		close(fd);
	}
	restore_remove(t->restorer, it);
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

void trial_prove(struct trial *t, struct subject *s, const char *subject, struct findings *f)
{
	struct error e = {0};
	if (restore_end(t->restorer, &e) < 0)
		finding_error(f, PROOF_RESTORE, "restore.end", subject, &e);
	uint64_t before = s->sample.restored, bytes = s->sample.bytes;
	size_t count = t->critical.count + t->slot_count;
	flush_all(t, count, subject, f);
	for (size_t i = 0; i < count; i++)
		if (nth(t, i))
			prove_one(t, s, nth(t, i), subject, f);
	s->sample.seconds += restore_seconds(t->restorer);
	s->sample.failed += t->failed;
	char size[32];
	uint64_t files = s->sample.restored - before;
	if (files)
		finding_add(f, PROOF_RESTORE, "restore.files", subject, OUTCOME_HELD, NULL,
			    "%llu files (%s) came out into scratch and read back the same",
			    (unsigned long long)files, format_size(s->sample.bytes - bytes, size));
}
