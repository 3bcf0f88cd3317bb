// SPDX-License-Identifier: GPL-3.0-or-later
/* A restore point that is to be sealed is looked at: in this process, or by a reader. */
#include <fcntl.h>

#include "backproof/sweep.h"
#include "backproof/text.h"
#include "reader_life.h"
#include "run.h"
#include "sealing.h"

/* What could not be read, whole or in part, or is not what it was, can't be sealed. */
static bool ask_files(const struct subject *s, struct findings *f)
{
	bool all = true;
	for (size_t i = 0; i < s->part_count; i++) {
		struct part *pt = &s->parts[i];
		struct error e = {0};
		const unsigned both = 1u << DIGEST_SHA256 | 1u << DIGEST_FSVERITY;
		if (!pt->source || !pt->read_whole || (pt->digest_mask & both) != both)
			finding_add(f, PROOF_PRESENCE, "seal.read", pt->name, OUTCOME_UNPROVEN, NULL,
				    "not all of its bytes were read%s%s", pt->failure.cls == ERROR_NONE ? "" : ": ",
				    pt->failure.cls == ERROR_NONE ? "" : pt->failure.text);
		else if (!pt->chunks)
			finding_add(f, PROOF_PRESENCE, "seal.chunks", pt->name, OUTCOME_UNPROVEN,
				    &(struct finding_text){.error = ERROR_LIMIT},
				    "more chunks than can be kept in memory: it is too large for a seal");
		else if (source_same(pt->source, &e) < 0)
			finding_error(f, PROOF_PRESENCE, "presence.stable", pt->name, &e);
		else
			continue;
		all = false;
	}
	return all;
}

/* A medium that failed says nothing of what it holds, in whatever proof it was met. */
static void ask_media(struct findings *f)
{
	size_t count = f->count;
	for (size_t i = 0; i < count; i++) {
		const struct finding *it = &f->items[i];
		if (it->outcome != OUTCOME_UNREADABLE || it->proof == PROOF_PRESENCE || it->proof == PROOF_FRESHNESS)
			continue;
		autofree char *subject = strdup(it->subject ? it->subject : "");
		autofree char *detail = strdup(it->detail ? it->detail : it->check);
		finding_add(f, PROOF_PRESENCE, "seal.read", subject ? subject : "", OUTCOME_UNREADABLE,
			    &(struct finding_text){.error = ERROR_IO}, "%s", detail ? detail : "a read failed");
	}
}

/* The chunks go to who seals, when all is well. */
static void take_found(struct subject *s, bool complete, struct sealing_found *out, struct findings *f)
{
	struct error e;
	out->chunks = calloc(s->part_count + 1, sizeof *out->chunks);
	out->chunk_count = s->part_count;
	out->whole = calloc(s->part_count + 1, sizeof *out->whole);
	if (!out->chunks || !out->whole) {
		f->lost = true;
		return;
	}
	for (size_t i = 0; i < s->part_count; i++)
		out->whole[i] = s->parts[i].read_whole;
	if (!complete)
		return;
	if (sealing_describe(s, &out->seal, &e) < 0) {
		finding_error(f, PROOF_PRESENCE, "seal.describe", s->point->label, &e);
		return;
	}
	for (size_t i = 0; i < s->part_count; i++)
		out->chunks[i] = take(s->parts[i].chunks);
	/* The files as they were read, up to the moment of telling. */
	out->complete = true;
	for (size_t i = 0; i < s->part_count; i++)
		if (source_same(s->parts[i].source, &e) < 0) {
			finding_error(f, PROOF_PRESENCE, "presence.stable", s->parts[i].name, &e);
			out->complete = false;
		}
}

void sealing_look(const struct restore_point *point, const struct check_parameters *p, const char *source,
		  struct sealing_found *out, struct findings *f, struct measures *m)
{
	struct error e = {0};
	struct subject s;
	if (subject_open(&s, point, p, f, &e) < 0) {
		finding_error(f, PROOF_PRESENCE, "subject.open", point->label, &e);
		subject_close(&s);
		return;
	}
	run_checks(&s, p, f);
	out->measured = sealing_measure(&s, f);
	if (source)
		sealing_compare(&s, source, p, &out->seal.compared, &out->notes, f);
	bool complete = ask_files(&s, f);
	ask_media(f);
	take_found(&s, complete, out, f);
	*m = s.measures;
	subject_close(&s);
}

int sealing_inside(struct reader_request *r, struct wire_out *result, struct error *e)
{
	struct host_result out = {0};
	struct sealing_found found = {0};
	if (findings_init(&out.findings) < 0)
		return error_nomem(e);
	sealing_look(&r->point, &r->p, r->against, &found, &out.findings, &out.measures);
	/* Stopped in the middle, by a signal that nobody else has got: not everything was looked at. */
	if (budget_check(r->p.budget, e) < 0)
		finding_error(&out.findings, PROOF_PRESENCE, "run.stopped", r->point.label, e);
	autofree struct reader_file *files = calloc(r->point.count + 1, sizeof *files);
	if (!files)
		return error_nomem(e);
	for (size_t i = 0; i < r->point.count; i++)
		files[i].read_whole = found.whole && found.whole[i];
	struct wire_out rest = {0};
	reader_seal_put(&rest, &found);
	wire_put_u64(result, rest.length);
	wire_put(result, rest.data, rest.length);
	result->failed |= rest.failed;
	reader_result_put(result, &out, files, r->point.count);
	return 0;
}

struct sealing_result {
	struct sealing_found *found;
	struct host_result result;
};

static int take_seal(struct reader_life *r, const void *data, size_t length, struct error *e)
{
	struct sealing_result *x = r->ctx;
	struct wire_in w;
	wire_in_init(&w, data, length);
	size_t len = wire_get_count(&w, 1, SIZE_MAX);
	struct wire_in rest;
	wire_in_init(&rest, wire_get(&w, len), w.bad ? 0 : len);
	if (w.bad)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s", w.why);
	reader_seal_get(&rest, r->point, x->found);
	if (!wire_in_done(&rest))
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s",
				 rest.why ? rest.why : "more than belongs to it");
	return reader_result_get(w.at, (size_t)(w.end - w.at), r->point, r->p, &x->result, r->files, e);
}

/*
 * Digests are what a seal is for, and whoever has taken over the reader may say any: they are taken once more, here,
 * where nothing that the bytes say is looked at.
 */
static int vouch(const struct reader_keeper *k, const struct restore_point *point, const struct sealing_found *x,
		 const struct budget *budget, struct error *e)
{
	for (size_t i = 0; i < point->count; i++) {
		const struct seal_file *f = &x->seal.files.items[i];
		const char *path = point->items[i].path;
		struct sweep w = {.mask = 1u << DIGEST_SHA256 | 1u << DIGEST_FSVERITY, .budget = budget};
		int fd = fcntl(reader_keeper_fd(k, i), F_DUPFD_CLOEXEC, 0);
		autosource struct source *src = fd < 0 ? NULL : source_open_fd(fd, path, e);
		if (fd < 0)
			return error_sys(e, "%s", path);
		if (!src)
			close(fd);
		if (!src || sweep_source(src, &w, e) < 0 || source_same(src, e) < 0)
			return -1;
		if (memcmp(w.digests[DIGEST_SHA256], f->sha256, sizeof f->sha256) ||
		    memcmp(w.digests[DIGEST_FSVERITY], f->fsverity, sizeof f->fsverity))
			return error_set(e, ERROR_IO, ERROR_NO_OFFSET,
					 "%s: the process that read it says another digest than it has", path);
	}
	return 0;
}

int sealing_by_reader(const struct restore_point *point, const struct check_parameters *p, const char *source,
		      struct sealing_found *out, struct findings *f, struct measures *m, struct error *e)
{
	struct sealing_result x = {.found = out};
	struct reader_life r = {.point = point,
				.p = p,
				.request = {.task = READER_SEAL, .against = (char *)(uintptr_t)source},
				.target = -1,
				.take_result = take_seal,
				.ctx = &x};
	if (findings_init(&x.result.findings) < 0)
		return error_nomem(e);
	reader_life_run(&r);
	reader_life_judge(&r, &x.result.findings, NULL);
	findings_take(f, &x.result.findings);
	*m = x.result.measures;
	bool ended = r.why.cls != ERROR_NONE;
	if (ended) {
		*e = r.why;
		sealing_found_free(out);
	}
	/* What the file was when it was opened is what the seal says. */
	for (size_t i = 0; !ended && i < out->seal.files.count; i++)
		if (!reader_keeper_fits(r.keeper, i, out->seal.files.items[i].size))
			ended = error_set(e, ERROR_BUSY, ERROR_NO_OFFSET, "%s: was changed while it was read",
					  point->items[i].path) < 0;
	if (!ended && out->complete && vouch(r.keeper, point, out, p->budget, e) < 0) {
		ended = true;
		sealing_found_free(out);
	}
	reader_life_free(&r);
	host_result_free(&x.result);
	return ended ? -1 : 0;
}
