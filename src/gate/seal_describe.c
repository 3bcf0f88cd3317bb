// SPDX-License-Identifier: GPL-3.0-or-later
/* What a seal says of a restore point. */
#include "backproof/text.h"
#include "sealing.h"

/* An owned copy; nothing of nothing. */
static int copy(char **to, const char *text, struct error *e)
{
	if (!text || !*text)
		return 0;
	*to = strdup(text);
	return *to ? 0 : error_nomem(e);
}

static int add_files(const struct subject *s, struct seal *out, struct error *e)
{
	for (size_t i = 0; i < s->part_count; i++) {
		const struct part *pt = &s->parts[i];
		struct seal_file *x = vec_push(&out->files);
		if (!x)
			return error_nomem(e);
		if (copy(&x->name, pt->name, e) < 0)
			return -1;
		x->size = source_size(pt->source);
		memcpy(x->sha256, pt->digests[DIGEST_SHA256], sizeof x->sha256);
		memcpy(x->fsverity, pt->digests[DIGEST_FSVERITY], sizeof x->fsverity);
		for (size_t k = 0; k < pt->formats.count; k++)
			if (!strings_has(&out->formats, pt->formats.items[k]) &&
			    strings_add(&out->formats, pt->formats.items[k]) < 0)
				return error_nomem(e);
	}
	return 0;
}

static int add_disk(const struct subject_disk *d, struct seal *out, struct error *e)
{
	static const char *const tables[] = {[TABLE_NONE] = NULL, [TABLE_MBR] = "mbr", [TABLE_GPT] = "gpt"};
	struct seal_disk *to = vec_push(&out->disks);
	if (!to)
		return error_nomem(e);
	to->size = source_size(d->source);
	return copy(&to->name, *d->name ? d->name : "disk", e) < 0 ||
			       copy(&to->table, tables[d->layout.table], e) < 0 ||
			       copy(&to->id, d->layout.disk_id, e) < 0
		       ? -1
		       : 0;
}

static int add_volume(const struct subject_volume *v, struct seal *out, struct error *e)
{
	const struct volume *from = v->volume;
	struct seal_volume *to = vec_push(&out->volumes);
	if (!to)
		return error_nomem(e);
	to->offset = from->offset;
	to->size = from->size;
	return copy(&to->name, *v->name ? v->name : "volume", e) < 0 || copy(&to->disk, v->disk->name, e) < 0 ||
			       copy(&to->type, from->content.type, e) < 0 ||
			       copy(&to->uuid, from->content.uuid, e) < 0 ||
			       copy(&to->label, from->content.label, e) < 0 ||
			       copy(&to->partuuid, from->partuuid, e) < 0 || copy(&to->mount, v->mount, e) < 0
		       ? -1
		       : 0;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct seal_entry *)a)->path, ((const struct seal_entry *)b)->path);
}

static int add_entries(const struct subject *s, struct seal *out, struct error *e)
{
	vec_each(&s->manifest.files, m)
	{
		/* Another name would be another file. */
		if (!text_is_utf8(m->path))
			continue;
		struct seal_entry *x = vec_push(&out->entries);
		if (!x || !(x->path = text_format("/%s", m->path)))
			return error_nomem(e);
		x->size = m->size;
		x->mode = m->mode;
		memcpy(x->sha256, m->sha256, sizeof x->sha256);
	}
	if (out->entries.count)
		qsort(out->entries.items, out->entries.count, sizeof *out->entries.items, by_path);
	return 0;
}

int sealing_describe(const struct subject *s, struct seal *out, struct error *e)
{
	const struct facts *x = &s->facts;
	out->taken_at = s->taken_at > 0 ? s->taken_at : 0;
	if (copy(&out->hostname, x->hostname, e) < 0 ||
	    copy(&out->machine_id, x->machine_id, e) < 0 || copy(&out->system, x->system, e) < 0 ||
	    add_files(s, out, e) < 0 || add_entries(s, out, e) < 0)
		return -1;
	vec_each(&s->disks, d) if (add_disk(*d, out, e) < 0) return -1;
	vec_each(&s->volumes, v) if (!v->alias && add_volume(v, out, e) < 0) return -1;
	return 0;
}

char *sealing_path(const struct restore_point *point, const struct seal_request *r, struct error *e)
{
	const char *first = point->items[0].path;
	for (size_t i = 1; i < point->count; i++)
		if (strcmp(path_base(point->items[i].path), path_base(first)) < 0)
			first = point->items[i].path;
	char *path = r->output ? strdup(r->output) : text_format("%s" SEAL_SUFFIX, first);
	if (!path)
		error_nomem(e);
	return path;
}

/* In an hour's time it would be too late to say so. */
int sealing_possible(const struct restore_point *point, const char *path, struct error *e)
{
	struct seal names = {0};
	autotext struct text statement = {0};
	int rc = 0;
	autofree char *dir = path_base(path) == path ? strdup(".")
						   : text_format("%.*s", (int)(path_base(path) - path), path);
	if (!dir)
		return error_nomem(e);
	if (access(dir, W_OK | X_OK) < 0)
		return error_sys(e, "%s: no seal can be written there", dir);
	for (size_t i = 0; i < point->count && rc == 0; i++) {
		struct seal_file *x = vec_push(&names.files);
		rc = x ? copy(&x->name, path_base(point->items[i].path), e) : error_nomem(e);
	}
	if (rc == 0)
		rc = seal_statement(&names, &statement, e);
	seal_free(&names);
	return rc;
}
