// SPDX-License-Identifier: GPL-3.0-or-later
/* From the verdict to a patch that the history knows of, and to its end. */
#include "patch.h"

#include <limits.h>
#include <time.h>

#include "applied.h"
#include "backproof/person.h"
#include "backproof/source.h"
#include "reason.h"
#include "remember.h"

static void note(struct host_result *r, const char *what, const struct error *e)
{
	autofree char *line = text_format("%s: %s", what, e->text);
	if (line && !strings_has(&r->notes, line))
		(void)!strings_add(&r->notes, line);
}

/* Whether a history can be written to is found out before a backup is read for hours. */
static enum code look_at_history(const struct patch *p, struct error *e)
{
	const char *path = remember_path(&p->policy);
	struct error why = {0};
	autodestroy(history_destroy_auto) struct history *h = path ? history_open(path, HISTORY_WRITE, &why) : NULL;
	if (h || !p->groups.count)
		return CODE_SAFE;
	if (!path)
		error_set(&why, ERROR_MISSING, ERROR_NO_OFFSET, "there is none");
	error_set(e, why.cls, ERROR_NO_OFFSET,
		  "max_parallel_patching of group \"%s\" needs a history that can be written to: %s",
		  p->groups.items[0], why.text);
	return why.cls == ERROR_BUSY ? CODE_BUSY : CODE_CONFIG;
}

struct patch *patch_open(const struct patch_request *q, enum code *code, struct error *e)
{
	struct patch *p = calloc(1, sizeof *p);
	*code = CODE_INTERNAL;
	if (!p) {
		error_nomem(e);
		return NULL;
	}
	p->q = *q;
	int rc = policy_applied(q->gate, &p->policy, e);
	if (rc < 0)
		*code = e->cls == ERROR_UNSUPPORTED ? CODE_CONFIG : CODE_INTERNAL;
	else if (patch_groups(q->gate->config, q->gate->host, &p->groups) < 0)
		rc = error_nomem(e);
	else
		rc = (*code = look_at_history(p, e)) == CODE_SAFE ? 0 : -1;
	if (rc == 0)
		return p;
	patch_destroy(p);
	return NULL;
}

void patch_destroy(struct patch *p)
{
	if (!p)
		return;
	patch_drop_leases(p);
	history_destroy(p->history);
	strings_free(&p->groups);
	policy_free(&p->policy);
	free(p);
}

/* Time has passed since they were read. */
static bool same_files(struct host_result *r)
{
	struct error e = {0};
	vec_each(&r->files, it)
	{
		/* What was proved without being opened is from now on what it is now. */
		if (!it->is_opened)
			it->is_opened = stat(it->path, &it->opened) == 0;
		if (!it->is_opened || source_still_at(it->path, &it->opened, &e) < 0) {
			autofree char *why = text_format("this is not what was checked any more: %s",
							 it->is_opened ? e.text : it->path);
			reason_refuse(r, CODE_BUSY, why ? why : "out of memory");
			return false;
		}
	}
	return true;
}

static bool is_same(struct host_result *r)
{
	/* A waiver is for backups that are still being written, too. */
	return r->verdict.code == CODE_WAIVED || same_files(r);
}

static int add_file(struct patch_record *to, const struct proved_file *f)
{
	char real[PATH_MAX];
	struct history_file *file = vec_push(&to->files);
	if (!file || !(file->path = strdup(realpath(f->path, real) ? real : f->path)))
		return -1;
	file->size = f->size;
	if (f->is_opened)
		remember_identity(file, &f->opened);
	file->has_sha256 = f->has_sha256;
	file->has_fsverity = f->has_fsverity;
	file->read_whole = f->has_sha256 || f->has_fsverity;
	memcpy(file->sha256, f->sha256, sizeof file->sha256);
	memcpy(file->fsverity, f->fsverity, sizeof file->fsverity);
	return 0;
}

/* Of a backup that nobody could read, and that was waived: where it is, and what it looks like from outside. */
static int add_path(struct patch_record *to, const char *path)
{
	char real[PATH_MAX];
	struct stat st;
	struct history_file *file = vec_push(&to->files);
	if (!file || !(file->path = strdup(realpath(path, real) ? real : path)))
		return -1;
	if (stat(file->path, &st) == 0)
		remember_identity(file, &st);
	return 0;
}

static int fill(const struct patch *p, const struct host_result *r, struct patch_record *to)
{
	struct person who;
	struct error unsaid;
	bool waived = r->verdict.code == CODE_WAIVED;
	to->code = (int)(waived ? r->verdict.waived : r->verdict.code);
	to->waiver = waived && r->waiver ? r->waiver->id : 0;
	to->checked_at = r->checked_at;
	to->taken_at = r->taken_at;
	int rc = person_now(&who, &unsaid);
	if (rc == 0)
		to->user = take(who.user);
	person_free(&who);
	if (string_copy(&to->host, p->q.gate->host) < 0 || string_copy(&to->policy, r->policy) < 0 ||
	    string_copy(&to->label, r->point_label) < 0 || string_copy(&to->suspect, r->suspect) < 0 ||
	    string_copy(&to->post, p->q.post) < 0 || strings_add_all(&to->formats, &r->formats) < 0 ||
	    strings_add_all(&to->command, p->q.command) < 0)
		return -1;
	vec_each(&r->files, it) if (add_file(to, it) < 0) return -1;
	for (size_t i = 0; !r->files.count && i < r->paths.count; i++)
		if (add_path(to, r->paths.items[i]) < 0)
			return -1;
	return 0;
}

static bool open_history(struct patch *p, struct host_result *r)
{
	struct error e = {0};
	const char *path = remember_path(&p->policy);
	p->history = path ? history_open(path, HISTORY_WRITE, &e) : NULL;
	if (!p->history && p->groups.count)
		reason_refuse(r, e.cls == ERROR_BUSY ? CODE_BUSY : CODE_CONFIG,
			     path ? e.text : "max_parallel_patching needs a history, and there is none");
	else if (!p->history && path)
		note(r, "this patch is not remembered", &e);
	return p->history || !p->groups.count;
}

bool patch_admit(struct patch *p, struct host_result *r)
{
	bool good = r->verdict.code == CODE_SAFE || r->verdict.code == CODE_WAIVED;
	r->patch = calloc(1, sizeof *r->patch);
	if (!r->patch || fill(p, r, r->patch) < 0) {
		reason_refuse(r, CODE_INTERNAL, "out of memory");
		return false;
	}
	return good && is_same(r) && open_history(p, r) && patch_take_leases(p, r);
}

void patch_begin(struct patch *p, struct host_result *r)
{
	struct error e = {0};
	r->patch->state = PROGRAM_RUNNING;
	r->patch->started_at = (int64_t)time(NULL);
	/* No verdict hangs on it: a patch that nobody remembers is still one that a backup stands behind. */
	if (p->history && history_patch_begin(p->history, r->patch, &e) < 0)
		note(r, "this patch is not remembered", &e);
}

void patch_end(struct patch *p, struct host_result *r)
{
	struct error e = {0};
	if (p->history && r->patch->id && history_patch_update(p->history, r->patch, &e) < 0)
		note(r, "how this patch ended is not remembered", &e);
	patch_drop_leases(p);
}

bool patch_run(struct patch *p, struct host_result *r)
{
	if (!is_same(r)) {
		r->patch->state = PROGRAM_NONE;
		r->patch->ended_at = (int64_t)time(NULL);
		return false;
	}
	patch_start(p, r->patch);
	return true;
}

bool patch_post_failed(const struct patch_record *r)
{
	return r->post_state != PROGRAM_NONE && (r->post_state != PROGRAM_EXITED || r->post_status);
}
