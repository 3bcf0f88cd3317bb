// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Windows has no package database that knows digests, but its programs are linked with checksums of their own: what
 * dpkg is to a Debian they are to a Windows. Looked at are those that it runs on, not what was installed later.
 */
#include <strings.h>

#include "../sample/witness/pe.h"
#include "../sample/witness/rows.h"
#include "backproof/text.h"
#include "parts.h"
#include "vouch.h"

#define PROGRAMS_MAX 200000u

struct search {
	struct vouch *x;
	struct subject_volume *volume;
};

static bool is_program(const char *path)
{
	static const char *const suffixes[] = {".exe", ".dll", ".sys", ".efi", ".ocx", ".cpl", ".drv", NULL};
	return witness_suffix(path, suffixes) && !strcasestr(path, "/DriverStore/") && !witness_is_volatile(path);
}

static int take_program(void *ctx, const struct fs_entry *entry, struct error *e)
{
	struct search *q = ctx;
	bool efi = q->volume->volume->role == ROLE_ESP;
	if (entry->type != ENTRY_FILE || !entry->size || !is_program(entry->path) ||
	    (efi && !pe_sum_is_kept(entry->path)))
		return 0;
	if (q->x->targets.count >= PROGRAMS_MAX)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "more than %u programs in Windows", PROGRAMS_MAX);
	struct target *t = vec_push(&q->x->targets);
	struct vouched *v = t ? vec_push(&q->x->vouchers) : NULL;
	if (!v || !(v->path = strdup(entry->path)))
		return error_nomem(e);
	*t = (struct target){.volume = q->volume, .id = entry->id, .place = entry->place, .size = entry->size,
			     .mtime = entry->mtime, .ctime = entry->ctime};
	return 0;
}

/* All below a directory, if it is there. */
static int search(struct search *q, struct fs *fs, const char *path, struct error *e)
{
	struct fs_entry entry;
	int rc = fs_lookup(fs, path, true, &entry, e);
	if (rc <= 0 || entry.type != ENTRY_DIR)
		return rc < 0 ? -1 : 0;
	return fs_walk(fs, path, q->x->p->budget, take_program, q, e) < 0 ? -1 : 1;
}

static int search_volume(struct vouch *x, struct subject_volume *v, struct error *e)
{
	static const char *const below[] = {"System32", "SysWOW64", "Boot"};
	struct search q = {x, v};
	autodestroy(fs_destroy_auto) struct fs *fs = subject_reopen(v, x->f, e);
	if (!fs)
		return -1;
	if (v->volume->role == ROLE_ESP)
		return search(&q, fs, "EFI", e) < 0 ? -1 : 0;
	const char *system = x->s->facts.windows_system, *slash = strrchr(system, '/');
	for (size_t i = 0; i < ARRAY_SIZE(below); i++) {
		autofree char *path = i ? text_format("%.*s/%s", (int)(slash - system), system, below[i])
					: strdup(system);
		int rc = path ? search(&q, fs, path, e) : error_nomem(e);
		if (rc < 0)
			return -1;
		x->no_dos |= rc > 0 && i == 1;
	}
	return 0;
}

struct file {
	struct vouch *x;
	struct fs *fs;
	struct fs_entry entry;
	struct stream *in;
};

static int start(void *ctx, struct error *e)
{
	struct file *f = ctx;
	stream_destroy(f->in);
	f->in = fs_open_file(f->fs, &f->entry, e);
	return f->in ? 0 : -1;
}

static ssize_t read_some(void *ctx, void *buf, size_t cap, struct error *e)
{
	struct file *f = ctx;
	ssize_t n = budget_check(f->x->p->budget, e) < 0 ? -1 : stream_read(f->in, buf, cap, e);
	return n == 0 && stream_finish(f->in, e) < 0 ? -1 : n;
}

int vouch_program(struct vouch *x, struct fs *fs, struct target *t, uint8_t *buf, struct error *e)
{
	struct file f = {.x = x, .fs = fs};
	const char *path = t->vouched->path;
	f.entry = (struct fs_entry){.path = path, .id = t->id, .type = ENTRY_FILE, .size = t->size};
	struct pe_reader r = {&f, start, read_some};
	struct error why = {.offset = ERROR_NO_OFFSET};
	enum pe_verdict v = pe_check(&r, t->size, path, buf, &why);
	stream_destroy(f.in);
	if (v == PE_UNREAD && (why.cls == ERROR_LIMIT || why.cls == ERROR_INTERNAL)) {
		*e = why;
		return -1;
	}
	t->result = v == PE_HELD     ? OUTCOME_HELD
		    : v == PE_BROKEN ? OUTCOME_BROKEN
		    : v == PE_STALE  ? OUTCOME_SKIPPED
		    : v == PE_UNREAD ? OUTCOME_UNREADABLE
		    : v == PE_UNCLEAR || (v == PE_NONE && x->no_dos) ? OUTCOME_UNPROVEN : OUTCOME_UNSUPPORTED;
	if (v == PE_BROKEN)
		return vouch_tell(t, "pe.checksum", &why, e);
	/* What no build can read is counted, and one is shown. */
	if (v == PE_UNREAD && why.cls != ERROR_UNSUPPORTED && why.cls != ERROR_ENCRYPTED)
		return vouch_tell(t, "pe.read", &why, e);
	return 0;
}

static void report(struct vouch *x)
{
	struct vouch_result *r = &x->s->vouched;
	const struct target *unclear = NULL, *unread = NULL;
	vec_each(&x->targets, t)
	{
		r->held += t->result == OUTCOME_HELD;
		r->broken += t->result == OUTCOME_BROKEN;
		r->changed += t->result == OUTCOME_SKIPPED;
		r->unclear += t->result == OUTCOME_UNPROVEN;
		r->unreadable += t->result == OUTCOME_UNREADABLE;
		unclear = t->result == OUTCOME_UNPROVEN && !unclear ? t : unclear;
		unread = t->result == OUTCOME_UNREADABLE && !unread ? t : unread;
	}
	const char *root = x->s->facts.root;
	if (r->held)
		finding_add(x->f, PROOF_RESTORE, "pe.checksum", root, OUTCOME_HELD, NULL,
			    "%llu programs and drivers of Windows have the checksums that they were linked with",
			    (unsigned long long)r->held);
	if (r->changed)
		finding_add(x->f, PROOF_RESTORE, "pe.changed", root, OUTCOME_SKIPPED, NULL,
			    "%llu programs are as they were signed, with an older checksum",
			    (unsigned long long)r->changed);
	if (unclear)
		finding_add(x->f, PROOF_RESTORE, "pe.unclear", root, OUTCOME_SKIPPED, NULL,
			    "%llu programs of others than Microsoft are not what their checksums say (%s), and without "
			    "a signature nobody can tell since when: they vouch for nothing",
			    (unsigned long long)r->unclear, unclear->vouched->path);
	if (unread)
		finding_add(x->f, PROOF_RESTORE, "pe.unread", root, OUTCOME_SKIPPED, NULL,
			    "%llu programs could not be read (%s)", (unsigned long long)r->unreadable,
			    unread->vouched->path);
}

static int by_place(const void *a, const void *b)
{
	const struct target *x = a, *y = b;
	if (x->volume != y->volume)
		return x->volume < y->volume ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

int vouch_programs(struct vouch *x, struct error *e)
{
	x->programs = true;
	x->s->vouched.database = "pe";
	vec_each(&x->s->volumes, v)
	{
		bool root = v->mount && !strcmp(v->mount, "/");
		if (v->fs && (root || v->volume->role == ROLE_ESP) && search_volume(x, v, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < x->targets.count; i++)
		x->targets.items[i].vouched = &x->vouchers.items[i];
	x->s->vouched.known = x->targets.count;
	if (!x->targets.count)
		return 0;
	qsort(x->targets.items, x->targets.count, sizeof *x->targets.items, by_place);
	vouch_thin_out(x);
	if (vouch_read(x, e) < 0)
		return -1;
	report(x);
	return 0;
}
