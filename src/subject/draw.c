// SPDX-License-Identifier: GPL-3.0-or-later
/* One volume's names are gone through, and of what was chosen all is read in the order of the disk. */
#include "draw.h"

#include "backproof/text.h"
#include "parts.h"
#include "windows.h"

#define AHEAD 32 /* files that are asked of a disk before they are read */

static int copy_candidate(struct candidate *c, const struct fs_entry *entry, struct error *e)
{
	free(c->path);
	c->path = strdup(entry->path);
	c->entry = *entry;
	c->entry.path = c->path;
	return c->path ? 0 : error_nomem(e);
}

static int note_log(struct draw *d, const struct fs_entry *entry, const char *full, struct error *e)
{
	struct facts *x = &d->s->facts;
	bool log = x->windows ? !*d->mount && windows_is_log(full) : !strncmp(full, "var/log/", 8);
	if (!log || entry->mtime <= x->newest_log ||
	    entry->mtime > (int64_t)d->logs_after)
		return 0;
	char *copy = strdup(full);
	if (!copy)
		return error_nomem(e);
	free(x->newest_log_path);
	x->newest_log_path = copy;
	x->newest_log = entry->mtime;
	return 0;
}

/* One that can't be read is told of, and hides no other. */
static int note_link(struct draw *d, const struct fs_entry *entry, struct error *e)
{
	struct error why = {0};
	if (!d->s->facts.windows || windows_folder_note(&d->s->facts, d->volume, d->fs, entry, &why) == 0)
		return 0;
	if (why.cls == ERROR_INTERNAL) {
		*e = why;
		return -1;
	}
	autofree char *where = text_format("%s:/%s", d->volume->name, entry->path);
	finding_error(&d->findings, PROOF_COVERAGE, "coverage.folder", where ? where : d->volume->name, &why);
	return 0;
}

static int visit(void *ctx, const struct fs_entry *entry, struct error *e)
{
	struct draw *d = ctx;
	char full[8192];
	if (entry->ctime > d->newest && entry->ctime <= d->p->now)
		d->newest = entry->ctime;
	if (entry->type == ENTRY_LINK)
		return note_link(d, entry, e);
	if (entry->type != ENTRY_FILE)
		return 0;
	if (*d->mount)
		snprintf(full, sizeof full, "%s/%s", d->mount, entry->path);
	else
		snprintf(full, sizeof full, "%s", entry->path);
	traits_see(&d->traits, full);
	if (note_log(d, entry, full, e) < 0 || databases_note(d->databases, d->volume, entry, e) < 0)
		return -1;
	if (trial_is_critical(&d->trial, d->p->policy, full) ||
	    (d->s->facts.windows && !d->p->policy->critical_given && windows_is_critical(full))) {
		struct candidate *c = vec_push(&d->critical);
		return c ? copy_candidate(c, entry, e) : error_nomem(e);
	}
	if (entry->size > d->trial.limit / 8)
		return 0;
	bool large = entry->size >= LARGE_FILE;
	int64_t slot = reservoir_offer(large ? &d->trial.large : &d->trial.small);
	if (slot < 0)
		return 0;
	return copy_candidate(&d->slots[(large ? d->trial.small.slots : 0) + (uint64_t)slot], entry, e);
}

struct file_reader {
	struct stream *in;
};

static ssize_t read_file(void *ctx, void *buf, size_t cap, struct error *e)
{
	struct file_reader *r = ctx;
	ssize_t n = stream_read(r->in, buf, cap, e);
	if (n == 0 && stream_finish(r->in, e) < 0)
		return -1;
	return n;
}

/* One that was chosen, where it goes to, and what went wrong. */
struct job {
	const struct candidate *candidate;
	struct restored *out;
	bool failed;
	struct error error;
};

static void restore_one(struct draw *d, struct job *j)
{
	const struct candidate *c = j->candidate;
	struct file_reader r = {fs_open_file(d->fs, &c->entry, &j->error)};
	struct restore_input in = {.entry = &c->entry,
				   .read = read_file,
				   .ctx = &r,
				   .fs = d->fs};
	d->sample.chosen++;
	j->failed = !r.in || restore_entry(d->trial.restorer, &in, j->out, &j->error) < 0;
	stream_destroy(r.in);
}

static int by_place(const void *a, const void *b)
{
	const struct job *x = *(struct job *const *)a, *y = *(struct job *const *)b;
	uint64_t from = x->candidate->entry.place, to = y->candidate->entry.place;
	if (from != to)
		return from < to ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* In the order of the disk; what went wrong is told in the order of the choice. */
static int restore_all(struct draw *d, struct error *e)
{
	size_t critical = d->critical.count, count = 0;
	autofree struct job *jobs = calloc(critical + d->trial.slot_count + 1, sizeof *jobs);
	autofree struct job **order = calloc(critical + d->trial.slot_count + 1, sizeof(void *));
	int rc = 0;
	if (!jobs || !order)
		return error_nomem(e);
	for (size_t i = 0; i < critical; i++)
		if (!vec_push(&d->trial.critical))
			return error_nomem(e);
	for (size_t i = 0; i < critical + d->trial.slot_count; i++) {
		struct candidate *c = i < critical ? &d->critical.items[i] : &d->slots[i - critical];
		struct restored *out = i < critical ? &d->trial.critical.items[i] : &d->trial.slots[i - critical];
		if (!c->path)
			continue;
		jobs[count] = (struct job){.candidate = c, .out = out};
		order[count] = &jobs[count];
		count++;
	}
	if (count)
		qsort(order, count, sizeof *order, by_place);
	for (size_t i = 0; i < count && rc == 0; i++) {
		for (size_t ahead = i ? i + AHEAD : 0; ahead <= i + AHEAD && ahead < count; ahead++)
			subject_expect(d->volume, order[ahead]->candidate->entry.place,
				       order[ahead]->candidate->entry.size);
		restore_one(d, order[i]);
		rc = budget_check(d->p->budget, e);
	}
	for (size_t i = 0; i < count; i++) {
		if (!jobs[i].failed)
			continue;
		autofree char *where = text_format("%s:/%s", d->volume->name, jobs[i].candidate->path);
		d->trial.failed++;
		finding_error(&d->findings, PROOF_RESTORE, "restore.write", where ? where : d->volume->name,
			      &jobs[i].error);
	}
	return rc;
}

/* What does not fit into the allowance of bytes is let go. */
static void settle(struct draw *d)
{
	for (size_t i = 0; i < d->trial.slot_count; i++) {
		struct candidate *c = &d->slots[i];
		if (!c->path)
			continue;
		if (d->bytes + c->entry.size > d->trial.limit) {
			free(c->path);
			c->path = NULL;
			continue;
		}
		d->bytes += c->entry.size;
		d->sample.drawn++;
	}
}

static int choose(struct draw *d, uint32_t files, size_t index, struct error *e)
{
	d->slots = calloc(files ? files : 1, sizeof *d->slots);
	d->slot_count = files;
	if (!d->slots)
		return error_nomem(e);
	d->fs = subject_reopen(d->volume, &d->findings, e);
	if (!d->fs)
		return -1;
	if (trial_open(&d->trial, d->p, files, index + 1, e) < 0 ||
	    fs_walk(d->fs, "", d->p->budget, visit, d, e) < 0)
		return -1;
	d->walked = true;
	d->trial.subject = d->s;
	d->trial.mount = d->volume->mount ? d->mount : NULL;
	settle(d);
	return 0;
}

void draw_begin(struct draw *d, struct subject *s, size_t index, const struct check_parameters *p, uint32_t files,
		struct databases *databases)
{
	struct subject_volume *v = &s->volumes.items[index];
	struct error e = {0};
	subject_hold(s);
	d->volume = v;
	d->p = p;
	d->s = s;
	/* A volume that is mounted nowhere has no place in the tree: its paths are its own. */
	d->mount = v->mount ? v->mount + 1 : "";
	d->databases = databases;
	d->logs_after = (uint64_t)(p->now + p->policy->clock_skew);
	d->kept = findings_init(&d->findings) == 0;
	d->chosen = d->kept && choose(d, files, index, &e) == 0;
	if (d->kept && !d->chosen)
		finding_error(&d->findings, PROOF_RESTORE, "restore.sample", v->name, &e);
}

void draw_try(struct draw *d)
{
	struct error e = {0};
	if (!d->volume)
		return;
	if (d->kept && d->chosen && restore_all(d, &e) < 0) {
		d->chosen = false;
		finding_error(&d->findings, PROOF_RESTORE, "restore.sample", d->volume->name, &e);
	}
	/* From here on it is about the copies. */
	subject_done(d->s);
	if (d->kept && d->trial.restorer)
		trial_prove(&d->trial, &d->sample, d->volume->name, &d->findings);
}

void draw_end(struct draw *d, struct subject *s, bool *met, struct findings *f)
{
	struct sample_result *to = &s->sample;
	if (!d->volume)
		return;
	for (size_t i = 0; d->chosen && i < d->p->policy->critical.count; i++)
		met[i] |= d->trial.pattern_met[i];
	if (d->kept)
		findings_take(f, &d->findings);
	f->lost |= !d->kept;
	findings_free(&d->findings);
	to->chosen += d->sample.chosen;
	to->drawn += d->sample.drawn;
	to->restored += d->sample.restored;
	to->bytes += d->sample.bytes;
	to->witnessed += d->sample.witnessed;
	to->failed += d->sample.failed;
	to->seconds += d->sample.seconds;
	to->opaque_bytes += d->sample.opaque_bytes;
	to->tried_bytes += d->sample.tried_bytes;
	to->tried_files += d->sample.tried_files;
	if (d->walked)
		f->lost |= traits_add(&s->traits, &d->traits) < 0;
	else
		traits_spoil(&s->traits);
	if (d->walked)
		d->volume->newest_named = d->newest;
	traits_walk_free(&d->traits);
	/* What is mounted nowhere has no place in the tree. */
	if (d->volume->mount)
		trial_note(&d->trial, d->mount, &s->manifest, f);
	trial_close(&d->trial);
	fs_destroy(d->fs);
	for (size_t i = 0; i < d->slot_count && d->slots; i++)
		free(d->slots[i].path);
	vec_each(&d->critical, c) free(c->path);
	free(d->critical.items);
	free(d->slots);
}
