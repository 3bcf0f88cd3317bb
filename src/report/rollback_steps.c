// SPDX-License-Identifier: GPL-3.0-or-later
/* The steps back, in their order: prove it again, save what is there, restore, or take single files. */
#include "backproof/digest.h"
#include "rollback_steps.h"
#include "shell.h"

struct rollback_step *step_new(struct rollback *r, const char *title)
{
	struct rollback_step *s = vec_push(&r->steps);
	if (s)
		s->title = title;
	return s;
}

int step_say(struct rollback_step *s, char *text)
{
	struct rollback_line *l = text && s ? vec_push(&s->lines) : NULL;
	if (!l) {
		free(text);
		return -1;
	}
	l->text = text;
	return 0;
}

int step_run(struct rollback_step *s, struct text *command)
{
	if (command->failed || step_say(s, strdup(text_str(command))) < 0)
		return -1;
	s->lines.items[s->lines.count - 1].is_command = true;
	command->length = 0;
	return 0;
}

/* A line of a checksum file, with the escapes that sha256sum has for names. */
static void put_sum_line(struct text *out, const struct history_file *f)
{
	char hex[65];
	autotext struct text line = {0};
	if (strpbrk(f->path, "\\\n\r"))
		text_put(&line, "\\");
	text_printf(&line, "%s  ", hex_encode(f->sha256, 32, hex));
	for (const char *c = f->path; *c; c++) {
		if (*c == '\\')
			text_put(&line, "\\\\");
		else if (*c == '\n')
			text_put(&line, "\\n");
		else if (*c == '\r')
			text_put(&line, "\\r");
		else
			text_put_bytes(&line, c, 1);
	}
	out->failed |= line.failed;
	shell_put(out, text_str(&line));
}

static int prove_file(struct rollback_step *s, const struct history_file *f)
{
	char hex[65];
	autotext struct text t = {0};
	if (f->has_sha256) {
		text_put(&t, "printf '%s\\n' ");
		put_sum_line(&t, f);
		text_put(&t, " | sha256sum --strict -c -");
	} else if (f->has_fsverity) {
		text_put(&t, "test \"$(fsverity digest --compact ");
		shell_put(&t, f->path);
		text_printf(&t, ")\" = %s && echo unchanged || echo 'CHANGED: not what was proved'",
			    hex_encode(f->fsverity, 32, hex));
	} else {
		return step_say(s, text_format("no digest of %s was kept", f->path));
	}
	return step_run(s, &t);
}

static void put_from(struct text *out, const struct rollback *r)
{
	for (size_t i = 0; i < r->patch->files.count; i++) {
		text_put(out, " --from ");
		shell_put(out, r->patch->files.items[i].path);
	}
}

static int prove(struct rollback *r)
{
	autotext struct text t = {0};
	struct rollback_step *s = step_new(r, "Prove that the files are still what was looked at");
	if (!s)
		return -1;
	for (size_t i = 0; i < r->patch->files.count; i++)
		if (prove_file(s, &r->patch->files.items[i]) < 0)
			return -1;
	if (step_say(s, strdup(r->is_sealed ? "It is sealed: this holds it against the seal, and restores a sample. "
					      "Do not go on before it has held."
					    : "With all that is inside, and a sample restored:")) < 0)
		return -1;
	/* Without a history no waiver that is still in force makes 0 of what is not proved. */
	text_put(&t, "backproof check --depth full --max-age 36500d --history none");
	put_from(&t, r);
	text_put(&t, " -- ");
	shell_put(&t, r->patch->host);
	return step_run(s, &t);
}

static int save(struct rollback *r)
{
	char when[32];
	struct rollback_step *s = step_new(r, "Save what is there now");
	return !s ? -1
	       : r->patch->taken_at
		       ? step_say(s, text_format("What was written since %s is in no part of this backup, and is lost "
						 "by the next step.", format_rfc3339(r->patch->taken_at, when)))
		       : step_say(s, strdup("What was written since this backup is lost by the next step."));
}

static int single_files(struct rollback *r)
{
	autotext struct text t = {0};
	struct rollback_step *s = step_new(r, "Or restore single files");
	if (!s ||
	    step_say(s, strdup("Nothing needs to be mounted, and nothing is overwritten; FILE is a path inside:")) < 0)
		return -1;
	text_put(&t, "backproof extract -C /SPACE");
	for (size_t i = 1; i < r->patch->files.count; i++) {
		text_put(&t, " --from ");
		shell_put(&t, r->patch->files.items[i].path);
	}
	text_put(&t, " -- ");
	shell_put(&t, r->patch->files.items[0].path);
	text_put(&t, " FILE");
	return step_run(s, &t);
}

static int odd_names(struct rollback *r)
{
	for (size_t i = 0; i < r->patch->files.count; i++)
		if (shell_is_odd(r->patch->files.items[i].path)) {
			struct rollback_step *s = &r->steps.items[0];
			return step_say(s, strdup("A name here has characters that can't be printed, or that a shell "
						  "might change: it stands as $'...' with octal numbers, for bash, zsh "
						  "or ksh."));
		}
	return 0;
}

static bool is_disk(const struct unit *u)
{
	return u->kind == UNIT_RAW || u->kind == UNIT_DISK || u->kind == UNIT_EWF;
}

static int notes(struct rollback *r, const struct units *u)
{
	struct rollback_step *s = NULL;
	vec_each(u, it)
	{
		const char *dot = strrchr(it->name, '.');
		autotext struct text t = {0};
		if (it->kind != UNIT_NOTE)
			continue;
		if (!s && !(s = step_new(r, "What else belongs to it")))
			return -1;
		if (step_say(s, strdup(it->name)) < 0)
			return -1;
		if (!dot || strcmp(dot, ".xml"))
			continue;
		text_put(&t, "virsh define ");
		shell_put(&t, it->name);
		if (step_run(s, &t) < 0)
			return -1;
	}
	return 0;
}

static int restore(struct rollback *r, const struct units *u)
{
	size_t disks = 0, number = 0;
	vec_each(u, it) disks += is_disk(it);
	vec_each(u, it)
	{
		number += is_disk(it);
		if (step_unit(r, it, number, disks) < 0)
			return -1;
	}
	return notes(r, u);
}

int rollback_plan(struct rollback *r, struct error *e)
{
	struct units u = {0};
	if (!r->patch->files.count)
		return 0;
	int rc = prove(r);
	if (rc == 0)
		rc = odd_names(r);
	if (rc == 0)
		rc = save(r);
	if (rc == 0)
		rc = units_find(r->patch, &u);
	if (rc == 0)
		rc = restore(r, &u);
	if (rc == 0)
		rc = single_files(r);
	units_free(&u);
	return rc < 0 ? error_nomem(e) : 0;
}
