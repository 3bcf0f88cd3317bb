// SPDX-License-Identifier: GPL-3.0-or-later
/* What a reader has found for a seal, on the wire. Who writes the seal holds it against the files it has opened. */
#include "reader.h"
#include "sealing.h"

#define TEXT_MOST 8192
#define THINGS_MOST 1000000
#define PATH_TEXT_MOST (64 * KIB)

static void put_disks(struct wire_out *w, const struct seal *s)
{
	wire_put_u64(w, s->disks.count);
	vec_each(&s->disks, d)
	{
		wire_put_string(w, d->name);
		wire_put_string(w, d->table);
		wire_put_string(w, d->id);
		wire_put_u64(w, d->size);
	}
	wire_put_u64(w, s->volumes.count);
	vec_each(&s->volumes, v)
	{
		const char *const texts[] = {v->name, v->disk, v->type, v->uuid, v->label, v->mount, v->partuuid};
		for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
			wire_put_string(w, texts[i]);
		wire_put_u64(w, v->offset);
		wire_put_u64(w, v->size);
	}
	wire_put_u64(w, s->entries.count);
	vec_each(&s->entries, x)
	{
		wire_put_string(w, x->path);
		wire_put_u64(w, x->size);
		wire_put_u32(w, x->mode);
		wire_put(w, x->sha256, sizeof x->sha256);
	}
}

static void get_disks(struct wire_in *w, struct seal *s)
{
	size_t count = wire_get_count(w, 20, THINGS_MOST);
	for (size_t i = 0; i < count && !w->bad; i++) {
		struct seal_disk *d = vec_push(&s->disks);
		if (!d) {
			wire_bad(w, "out of memory");
			return;
		}
		d->name = wire_get_string(w, TEXT_MOST);
		d->table = wire_get_string(w, TEXT_MOST);
		d->id = wire_get_string(w, TEXT_MOST);
		d->size = wire_get_u64(w);
		if (!d->name)
			wire_bad(w, "a disk without a name");
	}
	count = wire_get_count(w, 44, THINGS_MOST);
	for (size_t i = 0; i < count && !w->bad; i++) {
		struct seal_volume *v = vec_push(&s->volumes);
		if (!v) {
			wire_bad(w, "out of memory");
			return;
		}
		char **const texts[] = {&v->name, &v->disk, &v->type, &v->uuid, &v->label, &v->mount, &v->partuuid};
		for (size_t k = 0; k < ARRAY_SIZE(texts); k++)
			*texts[k] = wire_get_string(w, TEXT_MOST);
		v->offset = wire_get_u64(w);
		v->size = wire_get_u64(w);
		if (!v->name || !v->disk)
			wire_bad(w, "a volume without a name");
	}
}

static void get_entries(struct wire_in *w, struct seal *s)
{
	size_t count = wire_get_count(w, 48, THINGS_MOST);
	for (size_t i = 0; i < count && !w->bad; i++) {
		struct seal_entry *x = vec_push(&s->entries);
		if (!x) {
			wire_bad(w, "out of memory");
			return;
		}
		x->path = wire_get_string(w, PATH_TEXT_MOST);
		x->size = wire_get_u64(w);
		x->mode = wire_get_u32(w);
		const void *digest = wire_get(w, sizeof x->sha256);
		if (digest)
			memcpy(x->sha256, digest, sizeof x->sha256);
		if (!x->path)
			wire_bad(w, "a file without a name");
	}
}

void reader_seal_put(struct wire_out *w, const struct sealing_found *x)
{
	const struct seal *s = &x->seal;
	wire_put_u64(w, x->measured);
	wire_put_strings(w, &x->notes);
	wire_put_i64(w, s->taken_at);
	wire_put_u64(w, s->compared);
	wire_put_string(w, s->hostname);
	wire_put_string(w, s->machine_id);
	wire_put_string(w, s->system);
	wire_put_strings(w, &s->formats);
	put_disks(w, s);
	wire_put_u8(w, x->complete);
	for (size_t i = 0; x->complete && i < s->files.count; i++) {
		const struct seal_file *f = &s->files.items[i];
		struct error e;
		size_t len = 0;
		autofree uint8_t *packed = chunks_pack(x->chunks[i], &len, &e);
		if (!packed)
			w->failed = true;
		wire_put_u64(w, f->size);
		wire_put(w, f->sha256, sizeof f->sha256);
		wire_put(w, f->fsverity, sizeof f->fsverity);
		wire_put_u64(w, len);
		wire_put(w, packed, len);
	}
}

/* Hashes that give the digest: what small files have none of gives none. */
static bool is_tree_of(const struct chunks *c, const struct seal_file *f)
{
	uint8_t digest[MERKLE_HASH];
	struct error e;
	if (!chunks_of_size(f->size))
		return chunks_count(c) == 0;
	return chunks_digest(c, f->size, digest, &e) == 0 && !memcmp(digest, f->fsverity, sizeof digest);
}

static void get_file(struct wire_in *w, const struct point_file *file, struct sealing_found *out, size_t index)
{
	struct error e;
	struct seal_file *f = vec_push(&out->seal.files);
	if (!f || !(f->name = strdup(path_base(file->path)))) {
		wire_bad(w, "out of memory");
		return;
	}
	f->size = wire_get_u64(w);
	const void *sha256 = wire_get(w, sizeof f->sha256), *fsverity = wire_get(w, sizeof f->fsverity);
	size_t len = wire_get_count(w, 1, SIZE_MAX);
	const void *packed = wire_get(w, len);
	if (w->bad)
		return;
	memcpy(f->sha256, sha256, sizeof f->sha256);
	memcpy(f->fsverity, fsverity, sizeof f->fsverity);
	out->chunks[index] = chunks_unpack(packed, len, &e);
	if (!out->chunks[index] || !is_tree_of(out->chunks[index], f))
		wire_bad(w, "hashes that do not give the digest");
}

void reader_seal_get(struct wire_in *w, const struct restore_point *point, struct sealing_found *out)
{
	struct seal *s = &out->seal;
	out->measured = (size_t)wire_get_u64(w);
	wire_get_strings(w, &out->notes, 1000, TEXT_MOST);
	s->taken_at = wire_get_i64(w);
	s->compared = wire_get_u64(w);
	s->hostname = wire_get_string(w, TEXT_MOST);
	s->machine_id = wire_get_string(w, TEXT_MOST);
	s->system = wire_get_string(w, TEXT_MOST);
	wire_get_strings(w, &s->formats, 1000, TEXT_MOST);
	get_disks(w, s);
	get_entries(w, s);
	out->complete = wire_get_bool(w);
	out->chunks = calloc(point->count + 1, sizeof *out->chunks);
	out->chunk_count = point->count;
	if (!out->chunks)
		wire_bad(w, "out of memory");
	for (size_t i = 0; out->complete && i < point->count && !w->bad; i++)
		get_file(w, &point->items[i], out, i);
	if (out->measured > point->count || s->taken_at < 0)
		wire_bad(w, "numbers that contradict each other");
}

void sealing_found_free(struct sealing_found *x)
{
	seal_free(&x->seal);
	strings_free(&x->notes);
	for (size_t i = 0; x->chunks && i < x->chunk_count; i++)
		chunks_destroy(x->chunks[i]);
	free(x->chunks);
	free(x->whole);
	memset(x, 0, sizeof *x);
}
