// SPDX-License-Identifier: GPL-3.0-or-later
/* A statement as it comes from outside. Members that are not known are additions of a later minor version. */
#include <jansson.h>

#include "backproof/digest.h"
#include "names.h"

#define STATEMENT "https://in-toto.io/Statement/v1"
#define STATEMENT_BEFORE "https://in-toto.io/Statement/"
#define PREDICATE_BEFORE "urn:backproof:seal:"

static int bad(struct error *e, const char *what)
{
	if (e->cls == ERROR_INTERNAL)
		return -1; /* it was for lack of memory */
	return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "no seal that is understood: %s", what);
}

/* Text without a NUL in it, or NULL. */
static const char *text_of(json_t *object, const char *key)
{
	json_t *v = json_object_get(object, key);
	const char *s = json_string_value(v);
	return s && *s && strlen(s) == json_string_length(v) ? s : NULL;
}

static int copy(char **to, const char *text, struct error *e)
{
	*to = strdup(text);
	return *to ? 0 : error_nomem(e);
}

static int read_text(json_t *object, const char *key, char **to, struct error *e)
{
	const char *s = text_of(object, key);
	return s ? copy(to, s, e) : bad(e, key);
}

/* A member that may be left out, and is nothing else then. */
static int read_optional(json_t *object, const char *key, char **to, struct error *e)
{
	return json_object_get(object, key) ? read_text(object, key, to, e) : 0;
}

static int read_number(json_t *object, const char *key, uint64_t *to, struct error *e)
{
	json_t *v = json_object_get(object, key);
	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return bad(e, key);
	*to = (uint64_t)json_integer_value(v);
	return 0;
}

static int read_digest(json_t *object, const char *key, uint8_t to[32], struct error *e)
{
	char again[65];
	const char *hex = text_of(object, key);
	/* One text for one digest: in small letters. */
	if (!hex || hex_decode(hex, to, 32) < 0 || strcmp(hex_encode(to, 32, again), hex))
		return bad(e, key);
	return 0;
}

static int read_time(json_t *object, const char *key, bool needed, int64_t *to, struct error *e)
{
	const char *s = text_of(object, key);
	if (!needed && !json_object_get(object, key))
		return 0;
	return s && parse_rfc3339(s, to) == 0 && *to > 0 ? 0 : bad(e, key);
}

/* The array under a key; one that may be absent then has no items. */
static int array_of(json_t *object, const char *key, json_t **out, struct error *e)
{
	*out = json_object_get(object, key);
	return !*out || json_is_array(*out) ? 0 : bad(e, key);
}

static int read_file(json_t *subject, json_t *more, struct seal_file *x, struct error *e)
{
	const char *name = text_of(more, "name");
	json_t *digest = json_object_get(subject, "digest");
	if (!json_is_object(subject) || !json_is_object(more) || read_text(subject, "name", &x->name, e) < 0)
		return bad(e, "files");
	if (!seal_name_is_plain(x->name) || !name || strcmp(name, x->name))
		return bad(e, "the name of a file");
	if (read_digest(digest, "sha256", x->sha256, e) < 0 || read_digest(digest, "fsverity", x->fsverity, e) < 0 ||
	    read_number(more, "size", &x->size, e) < 0 || read_number(more, "first", &x->first, e) < 0 ||
	    read_number(more, "chunks", &x->chunks, e) < 0)
		return -1;
	return x->chunks == chunks_of_size(x->size) ? 0 : bad(e, "a file's size and its number of chunks");
}

/* One after the other, without a gap: the side file holds nothing else. */
static int read_files(json_t *root, json_t *predicate, struct seal *s, uint64_t *chunks, struct error *e)
{
	json_t *subjects, *files, *it;
	bool differ;
	size_t i;
	if (array_of(root, "subject", &subjects, e) < 0 || array_of(predicate, "files", &files, e) < 0)
		return -1;
	if (!json_array_size(subjects) || json_array_size(subjects) != json_array_size(files))
		return bad(e, "its files are not its subjects");
	json_array_foreach(subjects, i, it)
	{
		struct seal_file *x = vec_push(&s->files);
		if (!x)
			return error_nomem(e);
		if (read_file(it, json_array_get(files, i), x, e) < 0)
			return -1;
		if (x->first != *chunks)
			return bad(e, "the chunks of one file do not follow those of the one before");
		*chunks += x->chunks; /* of each at most 2^44 */
		if (*chunks > (SEAL_TREE_MAX - SEAL_TREE_HEAD) / MERKLE_HASH)
			return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "a seal of more than 128 TiB");
	}
	if (seal_names_differ(s, &differ, e) < 0)
		return -1;
	return differ ? 0 : bad(e, "two files with one name");
}

static int read_tree(json_t *predicate, struct seal *s, uint64_t chunks, struct error *e)
{
	json_t *tree = json_object_get(predicate, "tree");
	if (!tree)
		return chunks ? bad(e, "it names no side file") : 0;
	if (!json_is_object(tree) || read_text(tree, "name", &s->tree_name, e) < 0 ||
	    read_number(tree, "size", &s->tree_size, e) < 0 ||
	    read_digest(tree, "sha256", s->tree_sha256, e) < 0)
		return bad(e, "tree");
	size_t n = strlen(s->tree_name), suffix = strlen(SEAL_TREE_SUFFIX);
	if (!seal_name_is_plain(s->tree_name) || n <= suffix || strcmp(s->tree_name + n - suffix, SEAL_TREE_SUFFIX))
		return bad(e, "the name of its side file");
	return chunks && s->tree_size == SEAL_TREE_HEAD + chunks * MERKLE_HASH
		       ? 0
		       : bad(e, "the size of its side file");
}

static int read_disk(json_t *it, struct seal *s, struct error *e)
{
	struct seal_disk *d = vec_push(&s->disks);
	if (!d)
		return error_nomem(e);
	return json_is_object(it) && read_text(it, "name", &d->name, e) == 0 &&
			       read_number(it, "size", &d->size, e) == 0 &&
			       read_optional(it, "table", &d->table, e) == 0 && read_optional(it, "id", &d->id, e) == 0
		       ? 0
		       : bad(e, "disks");
}

static int read_volume(json_t *it, struct seal *s, struct error *e)
{
	struct seal_volume *v = vec_push(&s->volumes);
	if (!v)
		return error_nomem(e);
	return json_is_object(it) && read_text(it, "name", &v->name, e) == 0 &&
			       read_optional(it, "disk", &v->disk, e) == 0 &&
			       read_number(it, "offset", &v->offset, e) == 0 &&
			       read_number(it, "size", &v->size, e) == 0 && v->size <= INT64_MAX - v->offset &&
			       read_optional(it, "type", &v->type, e) == 0 &&
			       read_optional(it, "uuid", &v->uuid, e) == 0 &&
			       read_optional(it, "label", &v->label, e) == 0 &&
			       read_optional(it, "partuuid", &v->partuuid, e) == 0 &&
			       read_optional(it, "mount", &v->mount, e) == 0
		       ? 0
		       : bad(e, "volumes");
}

static int read_entry(json_t *it, struct seal *s, struct error *e)
{
	uint64_t mode = 0;
	struct seal_entry *x = vec_push(&s->entries);
	if (!x)
		return error_nomem(e);
	if (!json_is_object(it) || read_text(it, "path", &x->path, e) < 0 || x->path[0] != '/' ||
	    read_number(it, "size", &x->size, e) < 0 || read_number(it, "mode", &mode, e) < 0 || mode > 0177777 ||
	    read_digest(it, "sha256", x->sha256, e) < 0)
		return bad(e, "entries");
	x->mode = (uint32_t)mode;
	return 0;
}

static int read_format(json_t *it, struct seal *s, struct error *e)
{
	const char *name = json_string_value(it);
	if (!name || !*name || strlen(name) != json_string_length(it))
		return bad(e, "formats");
	return strings_add(&s->formats, name) < 0 ? error_nomem(e) : 0;
}

static int read_each(json_t *predicate, const char *key, int (*read)(json_t *, struct seal *, struct error *),
		     struct seal *s, struct error *e)
{
	json_t *all, *it;
	size_t i;
	if (array_of(predicate, key, &all, e) < 0)
		return -1;
	json_array_foreach(all, i, it) if (read(it, s, e) < 0) return -1;
	return 0;
}

static int read_against(json_t *predicate, struct seal *s, struct error *e)
{
	json_t *v = json_object_get(predicate, "against");
	if (!v)
		return 0;
	return json_is_object(v) && read_text(v, "source", &s->against, e) == 0 &&
			       read_number(v, "compared", &s->compared, e) == 0
		       ? 0
		       : bad(e, "against");
}

/* Of what kind and version it is: another one is not damage. */
static int read_kind(json_t *root, json_t *predicate, struct error *e)
{
	const char *type = text_of(root, "_type"), *said = text_of(root, "predicateType");
	const char *version = text_of(predicate, "format_version");
	if (!json_is_object(root) || !type || !said)
		return bad(e, "it is no in-toto statement");
	if (strcmp(type, STATEMENT))
		return strncmp(type, STATEMENT_BEFORE, strlen(STATEMENT_BEFORE))
			       ? bad(e, "it is no in-toto statement")
			       : error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "a statement of another version: %s",
					   type);
	if (strcmp(said, SEAL_PREDICATE))
		return strncmp(said, PREDICATE_BEFORE, strlen(PREDICATE_BEFORE))
			       ? bad(e, "it states something else")
			       : error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "a seal of another version: %s",
					   said);
	if (!json_is_object(predicate) || !version)
		return bad(e, "format_version");
	size_t major = strspn(version, "0123456789");
	size_t minor = version[major] == '.' ? strspn(version + major + 1, "0123456789") : 0;
	if (!major || !minor || version[major + 1 + minor] || major + minor > 12 || (major > 1 && *version == '0'))
		return bad(e, "format_version");
	return major == 1 && *version == '1' ? 0
					     : error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET,
							 "a seal of another version: %s", version);
}

static int read_statement(json_t *root, struct seal *s, struct error *e)
{
	json_t *p = json_object_get(root, "predicate");
	uint64_t chunks = 0;
	return read_kind(root, p, e) < 0 || read_time(p, "sealed_at", true, &s->sealed_at, e) < 0 ||
			       read_time(p, "taken_at", false, &s->taken_at, e) < 0 ||
			       read_optional(p, "label", &s->label, e) < 0 ||
			       read_optional(p, "host", &s->host, e) < 0 ||
			       read_optional(p, "hostname", &s->hostname, e) < 0 ||
			       read_optional(p, "machine_id", &s->machine_id, e) < 0 ||
			       read_optional(p, "system", &s->system, e) < 0 ||
			       read_files(root, p, s, &chunks, e) < 0 || read_tree(p, s, chunks, e) < 0 ||
			       read_each(p, "formats", read_format, s, e) < 0 ||
			       read_each(p, "disks", read_disk, s, e) < 0 ||
			       read_each(p, "volumes", read_volume, s, e) < 0 ||
			       read_each(p, "entries", read_entry, s, e) < 0 || read_against(p, s, e) < 0
		       ? -1
		       : 0;
}

int seal_parse(const char *json, size_t len, struct seal *out, struct error *e)
{
	json_error_t where;
	struct error why = {0};
	memset(out, 0, sizeof *out);
	json_t *root = json_loadb(json, len, JSON_REJECT_DUPLICATES, &where);
	if (!root)
		return error_set(e, ERROR_CORRUPT, where.position, "no seal: %s", where.text);
	int rc = read_statement(root, out, &why);
	json_decref(root);
	if (rc == 0)
		return 0;
	seal_free(out);
	if (e)
		*e = why;
	return -1;
}
