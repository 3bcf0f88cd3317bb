// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Patches as they are shown, and the way back behind one: what to restore, whether it is still there, and the steps.
 * All text of a record is untrusted: it is escaped here, and quoted in commands.
 */
#ifndef BACKPROOF_ROLLBACK_H
#define BACKPROOF_ROLLBACK_H

#include "backproof/report.h"

const char *patch_state_name(enum program_state s); /* "exited" */
/* "ok", "exit 3", "signal 15", "not started", "not finished", "-" */
void patch_put_result(struct text *out, enum program_state state, int status);
/* The words of its command, as a shell would take them. */
void patch_put_command(struct text *out, const struct patch_record *r);

/* Text: a line a patch; host_width 0: no column for the host. */
void patch_text_head(struct text *out, size_t host_width);
void patch_text_row(struct text *out, const struct patch_record *r, const struct report_options *o,
		    size_t host_width);
/* JSON: one patch as an object, or its members alone. type: as of a line of jsonl, or NULL. */
void patch_json_row(struct text *out, const struct patch_record *r, const char *type);
void patch_json_members(struct text *out, const struct patch_record *r);
void patch_json_head(struct text *out, const char *path);
void patch_jsonl_end(struct text *out, const char *path, size_t patches);

enum rollback_state {
	ROLLBACK_UNCHANGED, /* size, time of last change and inode are what was recorded */
	ROLLBACK_CHANGED,
	ROLLBACK_MISSING,
	ROLLBACK_UNKNOWN, /* it can't be looked at, or too little was recorded */
};
const char *rollback_state_name(enum rollback_state s);

/* A line of a step: a command to be pasted, or words. */
struct rollback_line {
	bool is_command;
	char *text;
};
struct rollback_step {
	const char *title;
	VEC(struct rollback_line) lines;
};

struct rollback {
	const struct patch_record *patch;
	const struct waiver *waiver; /* that it began under; NULL: none, or the history does not have it any more */
	struct strings reasons;	     /* why it was not safe */
	const char *suspect;	     /* why the restore point is not clean; NULL: nobody says so */
	int64_t later;		     /* id of the newest patch of the host; 0: this is it */
	VEC(enum rollback_state) states; /* of patch->files */
	bool is_sealed;
	VEC(struct rollback_step) steps;
};
void rollback_free(struct rollback *r);
/* Looks at the files, reading none of them. */
int rollback_look(struct rollback *r, struct error *e) must_check;
/* The steps, for what was looked at. */
int rollback_plan(struct rollback *r, struct error *e) must_check;
/* SAFE: all is there and unchanged; NO_BACKUP: nothing of it is there; CANNOT_TELL: anything between. */
enum code rollback_code(const struct rollback *r);
/* What must be known before anything is restored, one line each: untrusted text. */
int rollback_warnings(const struct rollback *r, struct strings *out) must_check;

void rollback_text(struct text *out, const struct rollback *r, const struct report_options *o);
void rollback_json(struct text *out, const struct rollback *r);

#endif
