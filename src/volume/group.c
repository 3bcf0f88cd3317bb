// SPDX-License-Identifier: GPL-3.0-or-later
/* Volumes that are made of others: what all managers need, and the names that Linux gives them. */
#include <stdarg.h>

#include "group.h"

void group_say(struct assembly *a, const char *check, const char *subject, enum outcome o, const char *fmt, ...)
{
	char text[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	finding_add(a->f, PROOF_STRUCTURE, check, subject, o,
		    &(struct finding_text){.error = o == OUTCOME_BROKEN ? ERROR_CORRUPT : ERROR_NONE}, "%s", text);
}

void group_fail(struct assembly *a, const char *check, const char *subject, enum error_class cls, const char *fmt, ...)
{
	char text[400];
	struct error e;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	error_set(&e, cls, ERROR_NO_OFFSET, "%s", text);
	finding_error(a->f, PROOF_STRUCTURE, check, subject, &e);
}

struct assembled_volume *group_add(struct assembly *a, struct source *source, struct error *e)
{
	struct assembled_volume *v = vec_push(a->out);
	if (!v) {
		source_destroy(source);
		error_nomem(e);
		return NULL;
	}
	v->source = source;
	return v;
}

int group_mirror(struct assembled_volume *v, const char *name, struct source *source, struct error *e)
{
	struct volume_mirror *more = realloc(v->mirrors, (v->mirror_count + 1) * sizeof *more);
	if (!more) {
		source_destroy(source);
		return error_nomem(e);
	}
	v->mirrors = more;
	snprintf(more[v->mirror_count].name, sizeof more->name, "%s", name);
	more[v->mirror_count++].source = source;
	return 0;
}

void group_release(struct assembled_volume *v)
{
	for (size_t i = 0; i < v->mirror_count; i++)
		source_destroy(v->mirrors[i].source);
	free(v->mirrors);
	free(v->members);
}

int group_uses(struct assembled_volume *v, size_t member, struct error *e)
{
	for (size_t i = 0; i < v->member_count; i++)
		if (v->members[i] == member)
			return 0;
	size_t *more = realloc(v->members, (v->member_count + 1) * sizeof *more);
	if (!more)
		return error_nomem(e);
	more[v->member_count++] = member;
	v->members = more;
	return 0;
}

int volume_groups_assemble(const struct volume_member *members, size_t count, struct volume_set *out,
			   struct findings *f, struct error *e)
{
	struct assembly a = {members, count, out, f};
	memset(out, 0, sizeof *out);
	if (md_assemble(&a, e) == 0 && lvm_assemble(&a, e) == 0)
		return 0;
	volume_set_free(out);
	return -1;
}

void volume_set_free(struct volume_set *set)
{
	vec_each(set, v)
	{
		source_destroy(v->source);
		group_release(v);
	}
	vec_free(set);
}

/* "a-b" of group "vg-0" is vg--0-a--b under /dev/mapper. */
static void mapper_name(const struct assembled_volume *v, char *out)
{
	for (const char *p = v->group; *p; p++) {
		*out++ = *p;
		if (*p == '-')
			*out++ = '-';
	}
	*out++ = '-';
	for (const char *p = v->volume; *p; p++) {
		*out++ = *p;
		if (*p == '-')
			*out++ = '-';
	}
	*out = '\0';
}

/* Identifiers of group and volume one behind the other, without their hyphens: what device mapper knows them by. */
static bool is_lvm_uuid(const struct assembled_volume *v, const char *text)
{
	const char *const ids[] = {v->group_uuid, v->uuid};
	if (!*v->group_uuid || !*v->uuid)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		for (const char *p = ids[i]; *p; p++)
			if (*p != '-' && *p != *text++)
				return false;
	return !*text;
}

static bool lvm_answers_to(const struct assembled_volume *v, const char *path)
{
	char name[2 * sizeof v->group + 2 * sizeof v->volume];
	if (!strcmp(path, v->name))
		return true;
	mapper_name(v, name);
	if (!strncmp(path, "mapper/", 7))
		return !strcmp(path + 7, name);
	if (!strncmp(path, "disk/by-id/dm-uuid-LVM-", 23))
		return is_lvm_uuid(v, path + 23);
	return !strncmp(path, "disk/by-id/dm-name-", 19) && !strcmp(path + 19, name);
}

/* An array is known as /dev/md/NAME, without the host that made it; a number is /dev/mdN too. */
static bool md_answers_to(const struct assembled_volume *v, const char *path)
{
	const char *colon = strchr(v->volume, ':'), *own = colon ? colon + 1 : v->volume;
	if (!strncmp(path, "disk/by-id/md-uuid-", 19))
		return !strcmp(path + 19, v->uuid);
	if (!strncmp(path, "disk/by-id/md-name-", 19))
		return !strcmp(path + 19, v->volume);
	if (!strncmp(path, "md/", 3))
		return !strcmp(path + 3, own) || !strcmp(path + 3, v->volume);
	if (strncmp(path, "md", 2) || !*own || own[strspn(own, "0123456789")])
		return false;
	return !strcmp(path + 2, own);
}

bool volume_answers_to(const struct assembled_volume *v, const char *device_path)
{
	if (strncmp(device_path, "/dev/", 5))
		return false;
	return v->manager == MANAGER_LVM2 ? lvm_answers_to(v, device_path + 5) : md_answers_to(v, device_path + 5);
}
