// SPDX-License-Identifier: GPL-3.0-or-later
/* The trial restore from file systems: the critical files, then a seeded sample of every volume. */
#include "backproof/text.h"
#include "databases.h"
#include "parts.h"
#include "trial.h"
#include "windows.h"

struct candidate {
	char *path;
	struct fs_entry entry;
};

/* The choice is made by names first; only what is kept in the end is read. */
struct draw {
	struct subject_volume *volume;
	struct fs *fs; /* opened for the trial alone */
	const struct check_parameters *p;
	struct trial trial;
	struct candidate *slots;
	VEC(struct candidate) critical;
	const char *mount; /* without slashes around */
	uint64_t bytes;
	uint64_t logs_after; /* ignore times later than this */
	struct subject *s;
	struct databases *databases;
};

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

static int visit(void *ctx, const struct fs_entry *entry, struct error *e)
{
	struct draw *d = ctx;
	char full[8192];
	if (entry->type != ENTRY_FILE)
		return 0;
	if (*d->mount)
		snprintf(full, sizeof full, "%s/%s", d->mount, entry->path);
	else
		snprintf(full, sizeof full, "%s", entry->path);
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

static void restore_one(struct draw *d, const struct candidate *c, struct restored *out, struct findings *f)
{
	struct error e = {0};
	struct subject_volume *v = d->volume;
	struct file_reader r = {fs_open_file(d->fs, &c->entry, &e)};
	struct restore_input in = {.entry = &c->entry,
				   .read = read_file,
				   .ctx = &r,
				   .fs = d->fs};
	d->s->sample.chosen++;
	if (!r.in || restore_entry(d->trial.restorer, &in, out, &e) < 0) {
		autofree char *where = text_format("%s:/%s", v->name, c->path);
		d->trial.failed++;
		finding_error(f, PROOF_RESTORE, "restore.write", where ? where : v->name, &e);
	}
	stream_destroy(r.in);
}

static int restore_all(struct draw *d, struct findings *f, struct error *e)
{
	vec_each(&d->critical, c)
	{
		struct restored *out = vec_push(&d->trial.critical);
		if (!out)
			return error_nomem(e);
		restore_one(d, c, out, f);
		if (budget_check(d->p->budget, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < d->trial.slot_count; i++) {
		struct candidate *c = &d->slots[i];
		if (!c->path || d->bytes + c->entry.size > d->trial.limit)
			continue;
		d->bytes += c->entry.size;
		d->s->sample.drawn++;
		restore_one(d, c, &d->trial.slots[i], f);
		if (budget_check(d->p->budget, e) < 0)
			return -1;
	}
	return 0;
}

static int run(struct draw *d, uint32_t files, size_t index, bool *met, struct findings *f, struct error *e)
{
	d->slots = calloc(files ? files : 1, sizeof *d->slots);
	if (!d->slots)
		return error_nomem(e);
	d->fs = subject_reopen(d->volume, f, e);
	if (!d->fs)
		return -1;
	if (trial_open(&d->trial, d->p, files, index + 1, e) < 0 ||
	    fs_walk(d->fs, "", d->p->budget, visit, d, e) < 0 || restore_all(d, f, e) < 0)
		return -1;
	for (size_t i = 0; i < d->p->policy->critical.count; i++)
		met[i] |= d->trial.pattern_met[i];
	return 0;
}

static void try_volume(struct subject *s, size_t index, const struct check_parameters *p, uint32_t files,
		       bool *met, struct databases *databases, struct findings *f)
{
	struct subject_volume *v = &s->volumes.items[index];
	struct error e = {0};
	struct draw d = {.volume = v, .p = p, .s = s, .mount = v->mount ? v->mount + 1 : "",
			 .databases = databases,
			 .logs_after = (uint64_t)(p->now + p->policy->clock_skew)};
	/* A volume that is mounted nowhere has no place in the tree: its paths are its own. */
	if (run(&d, files, index, met, f, &e) < 0)
		finding_error(f, PROOF_RESTORE, "restore.sample", v->name, &e);
	if (d.trial.restorer)
		trial_prove(&d.trial, s, v->name, f);
	trial_close(&d.trial);
	fs_destroy(d.fs);
	for (size_t i = 0; i < files && d.slots; i++)
		free(d.slots[i].path);
	vec_each(&d.critical, c) free(c->path);
	free(d.critical.items);
	free(d.slots);
}

void subject_trial(struct subject *s, const struct check_parameters *p, struct findings *f)
{
	struct databases databases = {.numbers = 0};
	uint32_t readable = 0;
	autofree bool *met = calloc(p->policy->critical.count + 1, sizeof *met);
	vec_each(&s->volumes, v) readable += v->fs != NULL;
	if (!met || !readable)
		return;
	/* Each volume gets a share, so that none goes untried; the root comes last and gets what they leave. */
	uint32_t share = readable > 1 ? p->policy->sample_files / (2 * (readable - 1)) : 0;
	for (int roots = 0; roots < 2; roots++)
		for (size_t i = 0; i < s->volumes.count; i++) {
			struct subject_volume *v = &s->volumes.items[i];
			bool root = v->mount && !strcmp(v->mount, "/");
			uint64_t left = p->policy->sample_files > s->sample.drawn
						? p->policy->sample_files - s->sample.drawn : 0;
			if (v->fs && root == roots)
				try_volume(s, i, p, root || readable == 1 ? (uint32_t)left : share, met,
					   &databases, f);
		}
	databases_check(&databases, s, p, f);
	databases_free(&databases);
	for (size_t i = 0; i < p->policy->critical.count; i++)
		if (!met[i] && p->policy->critical_given) {
			struct finding_text more = {.blame = BLAME_INCOMPLETE};
			finding_add(f, PROOF_RESTORE, "restore.critical", p->policy->critical.items[i],
				    OUTCOME_BROKEN, &more, "required by policy (critical), and not in the backup");
		}
}
