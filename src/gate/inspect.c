// SPDX-License-Identifier: GPL-3.0-or-later
/* What is in a backup, without judging it. Nothing here says that it is good. */
#include "backproof/sealed.h"
#include "backproof/text.h"
#include "look.h"

static const char *table_name(const struct subject_disk *d)
{
	static const char *const names[] = {[TABLE_NONE] = "no partition table", [TABLE_MBR] = "mbr",
					    [TABLE_GPT] = "gpt"};
	return names[d->layout.table];
}

static void put_pair(struct text *t, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	text_printf(t, "  %s ", name);
	text_put_safe(t, value);
}

/* What --fs counts: file systems that can be read, in the order shown. 0: none. */
static size_t fs_number(const struct subject *s, const struct subject_volume *v)
{
	size_t n = 0;
	for (size_t i = 0; i < s->volumes.count; i++) {
		n += s->volumes.items[i].fs != NULL;
		if (&s->volumes.items[i] == v)
			return v->fs ? n : 0;
	}
	return 0;
}

static void show_volume(struct text *t, const struct subject *s, const struct subject_volume *v)
{
	const struct volume *d = v->volume;
	char size[32], when[32];
	text_printf(t, "    %-3u %-9s %-12s", d->number, format_size(d->size, size),
		    *d->content.type ? d->content.type : "-");
	put_pair(t, "UUID", d->content.uuid);
	put_pair(t, "label", d->content.label);
	put_pair(t, "name", d->partlabel);
	put_pair(t, "subvolume", v->subvolume);
	put_pair(t, "mounted on", v->mount);
	if (v->fs)
		text_printf(t, "  fs %zu", fs_number(s, v));
	text_put(t, "\n");
	if (!v->fs)
		return;
	const struct fs_info *i = fs_info(v->fs);
	if (i->written)
		text_printf(t, "        last written %s", format_rfc3339(i->written, when));
	if (i->journal)
		text_printf(t, "  log %s", format_rfc3339(i->journal, when));
	if (i->written || i->journal)
		text_printf(t, "  %s%s\n", i->clean ? "clean" : "taken while mounted",
			    i->stale_view ? ", its log could not be replayed" : i->replayed ? ", log replayed" : "");
}

static void show_disk(struct text *t, const struct subject *s, const struct subject_disk *d)
{
	char size[32];
	text_put(t, "  disk ");
	if (d->device) {
		text_put_safe(t, d->device);
		text_put(t, "  ");
	}
	text_printf(t, "%s  %s%s%s\n", format_size(source_size(d->source), size), table_name(d),
		    *d->layout.disk_id ? " " : "", d->layout.disk_id);
	for (size_t i = 0; i < s->volumes.count; i++)
		if (s->volumes.items[i].disk == d)
			show_volume(t, s, &s->volumes.items[i]);
}

static void show_part(struct text *t, const struct subject *s, const struct part *pt)
{
	char size[32], when[32];
	text_put_safe(t, pt->name);
	text_printf(t, "  %s ", format_size(pt->file->size, size));
	for (size_t i = 0; i < pt->formats.count; i++) {
		text_put(t, i ? ", " : " ");
		text_put_safe(t, pt->formats.items[i]);
	}
	if (pt->head) {
		text_put(t, pt->kind == PART_PIECE ? "  a piece of " : "  read for ");
		text_put_safe(t, pt->head->name);
	}
	text_put(t, "\n");
	if (pt->image.made)
		text_printf(t, "  made %s\n", format_rfc3339(pt->image.made, when));
	if (*pt->image.id || *pt->image.parent || *pt->image.host) {
		text_put(t, " ");
		put_pair(t, "id", pt->image.id);
		put_pair(t, "parent", pt->image.parent);
		put_pair(t, "machine", pt->image.host);
		text_put(t, "\n");
	}
	for (size_t i = 0; i < pt->image.notes.count; i++) {
		text_put(t, "  holds ");
		text_put_safe(t, pt->image.notes.items[i].name);
		text_printf(t, "  %s\n", format_size(pt->image.notes.items[i].length, size));
	}
	for (size_t i = 0; i < s->disks.count; i++)
		if (s->disks.items[i]->part == pt)
			show_disk(t, s, s->disks.items[i]);
}

/* Whether it holds is for a check to say. */
static void show_seals(struct text *t, const struct sealed *x)
{
	char when[32];
	for (size_t i = 0; x && i < x->items.count; i++) {
		const struct seal *s = &x->items.items[i].seal;
		text_put_safe(t, x->items.items[i].name);
		text_printf(t, "  sealed %s", format_rfc3339(s->sealed_at, when));
		put_pair(t, "signed by", s->is_signed ? s->key_id : "nobody");
		put_pair(t, "for", s->host);
		text_put(t, "\n");
	}
}

static void show_text(struct text *t, const struct subject *s, const struct findings *f)
{
	const struct facts *x = &s->facts;
	char when[32];
	for (size_t i = 0; i < s->part_count; i++)
		show_part(t, s, &s->parts[i]);
	for (size_t i = 0; i < s->disks.count; i++) {
		if (s->disks.items[i]->part)
			continue;
		text_put_safe(t, s->disks.items[i]->name);
		text_put(t, "  put together from the files above\n");
		show_disk(t, s, s->disks.items[i]);
	}
	show_seals(t, s->sealed);
	text_put(t, "system ");
	put_pair(t, "", x->system);
	put_pair(t, "host", x->hostname);
	put_pair(t, "machine id", x->machine_id);
	put_pair(t, "kernel", x->kernel);
	text_put(t, x->root_found ? "\n" : "  none was found\n");
	int64_t first = 0, last = 0;
	for (size_t i = 0; i < s->point->count; i++) {
		int64_t at = s->point->items[i].mtime;
		first = !i || at < first ? at : first;
		last = !i || at > last ? at : last;
	}
	text_printf(t, "files written %s", format_rfc3339(first, when));
	if (last != first)
		text_printf(t, " to %s", format_rfc3339(last, when));
	if (s->newest_member)
		text_printf(t, "  newest member %s", format_rfc3339(s->newest_member, when));
	text_put(t, "\n");
	for (size_t i = 0; i < f->count; i++) {
		const struct finding *it = &f->items[i];
		if (it->outcome == OUTCOME_HELD || it->outcome == OUTCOME_SKIPPED)
			continue;
		text_printf(t, "%s: ", outcome_name(it->outcome));
		text_put_safe(t, it->subject);
		text_put(t, ": ");
		text_put_safe(t, it->detail ? it->detail : it->check);
		text_put(t, "\n");
	}
}

static void json_string(struct text *t, const char *key, const char *value)
{
	text_put_member(t, key, value && *value ? value : NULL);
}

static void json_volume(struct text *t, const struct subject *s, const struct subject_volume *v)
{
	const struct volume *d = v->volume;
	text_printf(t, "{\"number\":%u,\"offset\":%llu,\"bytes\":%llu", d->number, (unsigned long long)d->offset,
		    (unsigned long long)d->size);
	json_string(t, "type", d->content.type);
	json_string(t, "uuid", d->content.uuid);
	json_string(t, "label", d->content.label);
	json_string(t, "partition_type", d->type);
	json_string(t, "partuuid", d->partuuid);
	json_string(t, "partlabel", d->partlabel);
	json_string(t, "mount", v->mount);
	json_string(t, "subvolume", v->subvolume);
	text_printf(t, ",\"readable\":%s", v->fs ? "true" : "false");
	if (v->fs) {
		const struct fs_info *i = fs_info(v->fs);
		text_printf(t, ",\"fs\":%zu", fs_number(s, v));
		text_put_member_time(t, "written", i->written);
		text_put_member_time(t, "log", i->journal);
		text_printf(t, ",\"clean\":%s,\"replayed\":%s", i->clean ? "true" : "false",
			    i->replayed ? "true" : "false");
	}
	text_put(t, "}");
}

static void json_disk(struct text *t, const struct subject *s, const struct subject_disk *d)
{
	bool first = true;
	text_printf(t, "\"disk_bytes\":%llu", (unsigned long long)source_size(d->source));
	json_string(t, "table", d->layout.table == TABLE_NONE ? NULL : table_name(d));
	json_string(t, "disk_id", d->layout.disk_id);
	text_put(t, ",\"volumes\":[");
	for (size_t i = 0; i < s->volumes.count; i++) {
		if (s->volumes.items[i].disk != d)
			continue;
		text_put(t, first ? "" : ",");
		json_volume(t, s, &s->volumes.items[i]);
		first = false;
	}
	text_put(t, "]");
}

/* The disks of a part; of NULL: those that were put together from several. */
static void json_disks(struct text *t, const struct subject *s, const struct part *pt)
{
	bool first = true;
	text_put(t, "\"disks\":[");
	for (size_t i = 0; i < s->disks.count; i++) {
		const struct subject_disk *d = s->disks.items[i];
		if (d->part != pt)
			continue;
		text_put(t, first ? "{\"name\":" : ",{\"name\":");
		text_put_json(t, d->device ? d->device : d->name);
		text_put(t, ",");
		json_disk(t, s, d);
		text_put(t, "}");
		first = false;
	}
	text_put(t, "]");
}

static void json_part(struct text *t, const struct subject *s, const struct part *pt)
{
	const struct subject_disk *only = NULL;
	size_t disks = 0;
	text_put(t, "{\"path\":");
	text_put_json(t, pt->file->path);
	text_printf(t, ",\"bytes\":%llu", (unsigned long long)pt->file->size);
	text_put_member_time(t, "written", pt->file->mtime);
	json_string(t, "disk", pt->file->disk);
	text_put(t, ",\"format\":[");
	for (size_t i = 0; i < pt->formats.count; i++) {
		text_put(t, i ? "," : "");
		text_put_json(t, pt->formats.items[i]);
	}
	text_put(t, "]");
	text_put_member_time(t, "made", pt->image.made);
	json_string(t, "id", pt->image.id);
	json_string(t, "parent", pt->image.parent);
	json_string(t, "machine", pt->image.host);
	json_string(t, "belongs_to", pt->head ? pt->head->name : NULL);
	text_put(t, ",\"notes\":[");
	for (size_t i = 0; i < pt->image.notes.count; i++) {
		text_put(t, i ? "," : "");
		text_put_json(t, pt->image.notes.items[i].name);
	}
	text_put(t, "]");
	for (size_t i = 0; i < s->disks.count; i++)
		if (s->disks.items[i]->part == pt) {
			only = s->disks.items[i];
			disks++;
		}
	if (disks == 1) {
		text_put(t, ",");
		json_disk(t, s, only);
	} else if (disks) {
		text_put(t, ",");
		json_disks(t, s, pt);
	}
	text_put(t, "}");
}

static void show_json(struct text *t, const struct subject *s, const struct findings *f)
{
	const struct facts *x = &s->facts;
	bool first = true;
	text_put(t, "{\"format_version\":\"1.0\",\"type\":\"inspect\",\"parts\":[");
	for (size_t i = 0; i < s->part_count; i++) {
		text_put(t, i ? "," : "");
		json_part(t, s, &s->parts[i]);
	}
	text_put(t, "],");
	json_disks(t, s, NULL);
	text_put(t, ",\"system\":{\"found\":");
	text_put(t, x->root_found ? "true" : "false");
	json_string(t, "name", x->system);
	json_string(t, "hostname", x->hostname);
	json_string(t, "machine_id", x->machine_id);
	json_string(t, "kernel", x->kernel);
	text_put_member_time(t, "newest_member", s->newest_member);
	text_put(t, "},\"seals\":[");
	for (size_t i = 0; s->sealed && i < s->sealed->items.count; i++) {
		const struct seal *seal = &s->sealed->items.items[i].seal;
		text_printf(t, "%s{\"signed\":%s", i ? "," : "", seal->is_signed ? "true" : "false");
		json_string(t, "path", seal->path);
		json_string(t, "key_id", seal->is_signed ? seal->key_id : NULL);
		json_string(t, "host", seal->host);
		text_put_member_time(t, "sealed_at", seal->sealed_at);
		text_put(t, "}");
	}
	text_put(t, "],\"problems\":[");
	for (size_t i = 0; i < f->count; i++) {
		const struct finding *it = &f->items[i];
		if (it->outcome == OUTCOME_HELD || it->outcome == OUTCOME_SKIPPED)
			continue;
		text_put(t, first ? "{\"check\":" : ",{\"check\":");
		text_put_json(t, it->check);
		text_printf(t, ",\"outcome\":\"%s\"", outcome_name(it->outcome));
		json_string(t, "subject", it->subject);
		json_string(t, "detail", it->detail);
		text_put(t, "}");
		first = false;
	}
	text_put(t, "]}\n");
}

int inspect_here(struct look *l, bool json, struct text *out, struct error *e)
{
	if (look_open(l, e) < 0)
		return -1;
	if (json)
		show_json(out, &l->s, &l->f);
	else
		show_text(out, &l->s, &l->f);
	return look_code(&l->f);
}

int gate_inspect(const struct strings *paths, bool json, const struct gate_overrides *o, struct text *out,
		 struct error *e)
{
	struct look l = {0};
	int rc = look_prepare(&l, paths, o, NULL, e);
	if (rc == 0 && reader_wanted(&l.policy))
		rc = look_by_reader(&l, &(struct reader_request){.task = READER_INSPECT, .json = json}, -1, NULL, out,
				    e);
	else if (rc == 0)
		rc = inspect_here(&l, json, out, e);
	look_close(&l);
	return rc;
}
