// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The statement that is sealed: in-toto Statement v1 (github.com/in-toto/attestation, spec/v1), the files as its
 * subjects, what is known of them in a predicate of our own: packaging/schema/seal-v1.schema.json.
 */
#include "backproof/digest.h"
#include "names.h"

static void put_member(struct text *t, const char *key, const char *value)
{
	if (value && *value)
		text_put_member(t, key, value);
}

static void put_time(struct text *t, const char *key, int64_t at)
{
	if (at)
		text_put_member_time(t, key, at);
}

static void put_hex(struct text *t, const uint8_t digest[32])
{
	char hex[65];
	text_printf(t, "\"%s\"", hex_encode(digest, 32, hex));
}

static void put_subjects(struct text *t, const struct seal *s)
{
	for (size_t i = 0; i < s->files.count; i++) {
		const struct seal_file *x = &s->files.items[i];
		text_put(t, i ? ",{\"name\":" : "{\"name\":");
		text_put_json(t, x->name);
		text_put(t, ",\"digest\":{\"sha256\":");
		put_hex(t, x->sha256);
		text_put(t, ",\"fsverity\":");
		put_hex(t, x->fsverity);
		text_put(t, "}}");
	}
}

static void put_files(struct text *t, const struct seal *s)
{
	for (size_t i = 0; i < s->files.count; i++) {
		const struct seal_file *x = &s->files.items[i];
		text_put(t, i ? ",{\"name\":" : "{\"name\":");
		text_put_json(t, x->name);
		text_printf(t, ",\"size\":%llu,\"first\":%llu,\"chunks\":%llu}", (unsigned long long)x->size,
			    (unsigned long long)x->first, (unsigned long long)x->chunks);
	}
}

static void put_disks(struct text *t, const struct seal *s)
{
	for (size_t i = 0; i < s->disks.count; i++) {
		const struct seal_disk *d = &s->disks.items[i];
		text_put(t, i ? ",{\"name\":" : "{\"name\":");
		text_put_json(t, d->name);
		text_printf(t, ",\"size\":%llu", (unsigned long long)d->size);
		put_member(t, "table", d->table);
		put_member(t, "id", d->id);
		text_put(t, "}");
	}
}

static void put_volumes(struct text *t, const struct seal *s)
{
	for (size_t i = 0; i < s->volumes.count; i++) {
		const struct seal_volume *v = &s->volumes.items[i];
		text_put(t, i ? ",{\"name\":" : "{\"name\":");
		text_put_json(t, v->name);
		put_member(t, "disk", v->disk);
		text_printf(t, ",\"offset\":%llu,\"size\":%llu", (unsigned long long)v->offset,
			    (unsigned long long)v->size);
		put_member(t, "type", v->type);
		put_member(t, "uuid", v->uuid);
		put_member(t, "label", v->label);
		put_member(t, "partuuid", v->partuuid);
		put_member(t, "mount", v->mount);
		text_put(t, "}");
	}
}

static void put_entries(struct text *t, const struct seal *s)
{
	for (size_t i = 0; i < s->entries.count; i++) {
		const struct seal_entry *x = &s->entries.items[i];
		text_put(t, i ? ",{\"path\":" : "{\"path\":");
		text_put_json(t, x->path);
		text_printf(t, ",\"size\":%llu,\"mode\":%u,\"sha256\":", (unsigned long long)x->size, x->mode);
		put_hex(t, x->sha256);
		text_put(t, "}");
	}
}

static void put_predicate(struct text *t, const struct seal *s)
{
	text_put(t, "\"format_version\":\"1.0\"");
	put_time(t, "sealed_at", s->sealed_at);
	put_time(t, "taken_at", s->taken_at);
	put_member(t, "label", s->label);
	put_member(t, "host", s->host);
	put_member(t, "hostname", s->hostname);
	put_member(t, "machine_id", s->machine_id);
	put_member(t, "system", s->system);
	text_put(t, ",\"formats\":");
	text_put_json_list(t, &s->formats);
	text_put(t, ",\"files\":[");
	put_files(t, s);
	text_put(t, "]");
	if (s->tree_name) {
		text_put(t, ",\"tree\":{\"name\":");
		text_put_json(t, s->tree_name);
		text_printf(t, ",\"size\":%llu,\"sha256\":", (unsigned long long)s->tree_size);
		put_hex(t, s->tree_sha256);
		text_put(t, "}");
	}
	text_put(t, ",\"disks\":[");
	put_disks(t, s);
	text_put(t, "],\"volumes\":[");
	put_volumes(t, s);
	text_put(t, "],\"entries\":[");
	put_entries(t, s);
	text_put(t, "]");
	if (s->against) {
		text_put(t, ",\"against\":{\"source\":");
		text_put_json(t, s->against);
		text_printf(t, ",\"compared\":%llu}", (unsigned long long)s->compared);
	}
}

int seal_statement(const struct seal *s, struct text *out, struct error *e)
{
	bool differ;
	vec_each(&s->files, x) if (!seal_name_is_plain(x->name))
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET,
				 "%s: a seal holds no names with control characters, or that are not UTF-8", x->name);
	if (seal_names_differ(s, &differ, e) < 0)
		return -1;
	if (!differ)
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET,
				 "two files have the same name: one seal can't hold both");
	text_put(out, "{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[");
	put_subjects(out, s);
	text_put(out, "],\"predicateType\":\"" SEAL_PREDICATE "\",\"predicate\":{");
	put_predicate(out, s);
	text_put(out, "}}");
	return out->failed ? error_nomem(e) : 0;
}
