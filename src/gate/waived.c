// SPDX-License-Identifier: GPL-3.0-or-later
#include "waived.h"

#include "backproof/gate.h"
#include "backproof/person.h"
#include "backproof/text.h"
#include "reason.h"

static void note(struct host_result *out, const char *what, const char *why)
{
	autofree char *line = text_format("%s: %s", what, why);
	if (line && !strings_has(&out->notes, line))
		(void)!strings_add(&out->notes, line);
}

static void take_notes(struct host_result *out, const struct strings *from)
{
	for (size_t i = 0; i < from->count; i++)
		(void)!strings_add(&out->notes, from->items[i]);
}

void waive(const struct check_parameters *p, int64_t seconds, struct host_result *out)
{
	struct error e = {0};
	struct strings notes = {0};
	bool wanted = code_can_be_waived(out->verdict.code);
	struct waiver *w = p->history ? calloc(1, sizeof *w) : NULL;
	if (!w)
		return;
	int rc = gate_waiver(p->history, p->policy, out->host, p->now, w, &notes, &e);
	if (rc < 0 && wanted)
		note(out, "whether a waiver is in force can't be told", e.text);
	if (rc == 0 && wanted)
		take_notes(out, &notes);
	strings_free(&notes);
	if (rc > 0 && w->ends_at - p->now <= seconds) {
		if (wanted)
			note(out, "a waiver does not count", "its time was over before the check was");
		waiver_free(w);
		rc = 0;
	}
	if (rc <= 0) {
		free(w);
		return;
	}
	/* Broken off by somebody's hand, there is no verdict that could be waived. */
	if (!wanted || stop_signal) {
		out->standing = w;
		return;
	}
	out->verdict.waived = out->verdict.code;
	out->verdict.code = CODE_WAIVED;
	out->waiver = w;
}

static int record(const struct check_parameters *p, const char *reason, const struct host_result *r, struct error *e)
{
	struct person who;
	int rc = person_now(&who, e);
	if (rc == 0)
		rc = history_suspect_add(p->history, r->host, r->point_label, reason, who.user, p->now, e);
	person_free(&who);
	return rc;
}

void suspect(const struct check_parameters *p, const char *reason, struct host_result *out)
{
	for (struct host_result *r = out; r; r = r->older) {
		struct error e = {0};
		if (!p->history || !r->point_label)
			continue;
		if (reason && record(p, reason, r, &e) < 0) {
			error_prefix(&e, "the restore point could not be marked as suspect");
			reason_refuse(out, CODE_INTERNAL, e.text);
		}
		free(take(r->suspect));
		if (history_suspect(p->history, r->host, r->point_label, r->taken_at, &r->suspect, &e) < 0)
			note(out, "whether this backup is suspect can't be told", e.text);
	}
}
