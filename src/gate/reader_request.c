// SPDX-License-Identifier: GPL-3.0-or-later
/* What a reader is told, in one piece. It trusts who started it: here only lengths are looked at. */
#include "reader.h"

#define TEXT_MOST (64 * KIB)
#define THINGS_MOST 1000000

static void put_point(struct wire_out *w, const struct restore_point *p)
{
	wire_put_string(w, p->label);
	wire_put_i64(w, p->named_from);
	wire_put_i64(w, p->named_to);
	wire_put_u8(w, p->named_zone);
	wire_put_i64(w, p->order);
	wire_put_u64(w, p->count);
	for (size_t i = 0; i < p->count; i++) {
		const struct point_file *x = &p->items[i];
		wire_put_string(w, x->path);
		wire_put_string(w, x->disk);
		wire_put_string(w, x->part);
		wire_put_u64(w, x->size);
		wire_put_i64(w, x->mtime);
		wire_put_i64(w, x->since);
		wire_put_u8(w, x->note);
	}
}

static void get_point(struct wire_in *w, struct restore_point *p)
{
	p->label = wire_get_string(w, TEXT_MOST);
	p->named_from = wire_get_i64(w);
	p->named_to = wire_get_i64(w);
	p->named_zone = wire_get_bool(w);
	p->order = wire_get_i64(w);
	size_t count = wire_get_count(w, 37, THINGS_MOST);
	for (size_t i = 0; i < count && !w->bad; i++) {
		struct point_file *x = vec_push(p);
		if (!x) {
			wire_bad(w, "out of memory");
			break;
		}
		x->path = wire_get_string(w, TEXT_MOST);
		x->disk = wire_get_string(w, TEXT_MOST);
		x->part = wire_get_string(w, TEXT_MOST);
		x->size = wire_get_u64(w);
		x->mtime = wire_get_i64(w);
		x->since = wire_get_i64(w);
		x->note = wire_get_bool(w);
		if (!x->path)
			wire_bad(w, "a file without a name");
	}
	if (!p->label)
		wire_bad(w, "a restore point without a name");
}

static void put_known(struct wire_out *w, const struct known_file *k)
{
	struct error e;
	size_t len = 0;
	autofree uint8_t *packed = k->chunks ? chunks_pack(k->chunks, &len, &e) : NULL;
	if (k->chunks && !packed)
		w->failed = true;
	wire_put_u64(w, k->index);
	wire_put_u64(w, k->size);
	wire_put_u64(w, k->device);
	wire_put_u64(w, k->inode);
	wire_put_i64(w, k->mtime_ns);
	wire_put_i64(w, k->ctime_ns);
	wire_put_i64(w, k->proved_at);
	wire_put(w, k->fsverity, sizeof k->fsverity);
	wire_put_u8(w, k->has_sha256);
	wire_put(w, k->sha256, sizeof k->sha256);
	wire_put_u8(w, k->chunks != NULL);
	wire_put_u64(w, len);
	wire_put(w, packed, len);
}

static void get_known(struct wire_in *w, struct known_file *k)
{
	struct error e;
	k->index = (size_t)wire_get_u64(w);
	k->size = wire_get_u64(w);
	k->device = wire_get_u64(w);
	k->inode = wire_get_u64(w);
	k->mtime_ns = wire_get_i64(w);
	k->ctime_ns = wire_get_i64(w);
	k->proved_at = wire_get_i64(w);
	const void *digest = wire_get(w, sizeof k->fsverity);
	if (digest)
		memcpy(k->fsverity, digest, sizeof k->fsverity);
	k->has_sha256 = wire_get_bool(w);
	if ((digest = wire_get(w, sizeof k->sha256)))
		memcpy(k->sha256, digest, sizeof k->sha256);
	bool has = wire_get_bool(w);
	size_t len = wire_get_count(w, 1, SIZE_MAX);
	const void *packed = wire_get(w, len);
	if (has && !w->bad && !(k->chunks = chunks_unpack(packed, len, &e)))
		wire_bad(w, "hashes that are none");
}

static void put_live(struct wire_out *w, const struct live_mounts *live)
{
	wire_put_u8(w, live != NULL);
	if (!live)
		return;
	wire_put_u8(w, live->unknown);
	wire_put_u64(w, live->count);
	vec_each(live, m)
	{
		wire_put_string(w, m->mount);
		wire_put_string(w, m->device);
		wire_put_string(w, m->uuid);
	}
}

static void get_live(struct wire_in *w, struct reader_request *out)
{
	if (!wire_get_bool(w))
		return;
	out->p.live = &out->live;
	out->live.unknown = wire_get_bool(w);
	size_t count = wire_get_count(w, 12, THINGS_MOST);
	for (size_t i = 0; i < count && !w->bad; i++) {
		struct live_mount *m = vec_push(&out->live);
		if (!m) {
			wire_bad(w, "out of memory");
			break;
		}
		m->mount = wire_get_string(w, TEXT_MOST);
		m->device = wire_get_string(w, TEXT_MOST);
		m->uuid = wire_get_string(w, TEXT_MOST);
		if (!m->mount || !m->device)
			wire_bad(w, "a mount without a name");
	}
}

void reader_request_put(struct wire_out *w, const struct reader_request *r)
{
	const struct check_parameters *p = &r->p;
	wire_put_string(w, VERSION);
	wire_put_i64(w, r->parent);
	wire_put_u32(w, r->width);
	wire_put_i64(w, r->deadline_ns);
	wire_put_u64(w, r->memory);
	wire_put_u64(w, r->ahead);
	wire_put_u8(w, (uint8_t)r->task);
	wire_put_u8(w, r->json);
	wire_put_strings(w, &r->files);
	wire_put_u32(w, r->fs);
	wire_put_string(w, r->against);
	wire_put_u8(w, r->remember);
	wire_put_u8(w, r->paced);
	wire_put_u64(w, r->piece);
	wire_put_u8(w, r->has_account);
	reader_account_put(w, &r->account);
	reader_policy_put(w, p->policy);
	put_point(w, &r->point);
	wire_put_string(w, p->host);
	wire_put_string(w, p->hostname);
	wire_put_string(w, p->machine_id);
	wire_put_u8(w, p->hostname_given);
	wire_put_u8(w, p->disks != NULL);
	wire_put_strings(w, p->disks);
	wire_put_u64(w, p->previous_count);
	for (size_t i = 0; i < p->previous_count; i++)
		put_point(w, &p->previous[i]);
	wire_put_i64(w, p->now);
	wire_put_u8(w, (uint8_t)p->depth);
	wire_put_u64(w, p->seed);
	wire_put_u8(w, p->keep_chunks);
	put_live(w, p->live);
	wire_put_u64(w, p->known_count);
	for (size_t i = 0; i < p->known_count; i++)
		put_known(w, &p->known[i]);
}

static void get_start(struct wire_in *w, struct reader_request *out)
{
	autofree char *version = wire_get_string(w, TEXT_MOST);
	if (!w->bad && (!version || strcmp(version, VERSION)))
		wire_bad(w, "another version of the program");
	out->parent = wire_get_i64(w);
	out->width = wire_get_u32(w);
	out->deadline_ns = wire_get_i64(w);
	out->memory = wire_get_u64(w);
	out->ahead = wire_get_u64(w);
	out->task = (enum reader_task)wire_get_enum(w, READER_TASKS);
	out->json = wire_get_bool(w);
	wire_get_strings(w, &out->files, THINGS_MOST, TEXT_MOST);
	out->fs = wire_get_u32(w);
	out->against = wire_get_string(w, TEXT_MOST);
	out->remember = wire_get_bool(w);
	out->paced = wire_get_bool(w);
	out->piece = wire_get_u64(w);
	out->has_account = wire_get_bool(w);
	reader_account_get(w, &out->account);
}

static void get_parameters(struct wire_in *w, struct reader_request *out)
{
	struct check_parameters *p = &out->p;
	p->host = out->host = wire_get_string(w, TEXT_MOST);
	p->hostname = out->hostname = wire_get_string(w, TEXT_MOST);
	p->machine_id = out->machine_id = wire_get_string(w, TEXT_MOST);
	p->hostname_given = wire_get_bool(w);
	p->disks = wire_get_bool(w) ? &out->disks : NULL;
	wire_get_strings(w, &out->disks, THINGS_MOST, TEXT_MOST);
	size_t count = wire_get_count(w, 36, THINGS_MOST);
	for (size_t i = 0; i < count && !w->bad; i++) {
		struct restore_point *to = vec_push(&out->previous);
		if (to)
			get_point(w, to);
		else
			wire_bad(w, "out of memory");
	}
	p->previous = out->previous.items;
	p->previous_count = out->previous.count;
	p->now = wire_get_i64(w);
	p->depth = (enum depth)wire_get_enum(w, DEPTH_FULL + 1);
	p->seed = wire_get_u64(w);
	p->keep_chunks = wire_get_bool(w);
	get_live(w, out);
	count = wire_get_count(w, 89, THINGS_MOST);
	out->known = w->bad ? NULL : calloc(count + 1, sizeof *out->known);
	if (!out->known)
		wire_bad(w, "out of memory");
	for (p->known_count = 0; p->known_count < count && !w->bad; p->known_count++)
		get_known(w, &out->known[p->known_count]);
	p->known = out->known;
}

int reader_request_get(const void *data, size_t length, struct reader_request *out, struct error *e)
{
	struct wire_in w;
	memset(out, 0, sizeof *out);
	wire_in_init(&w, data, length);
	get_start(&w, out);
	reader_policy_get(&w, &out->policy);
	get_point(&w, &out->point);
	get_parameters(&w, out);
	out->p.policy = &out->policy;
	if (wire_in_done(&w) && out->host)
		return 0;
	return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "a request that is none: %s",
			 w.why ? w.why : "more comes than belongs to it");
}

static void free_point(struct restore_point *p)
{
	struct catalog one = {.items = malloc(sizeof *p), .count = 1};
	if (!one.items)
		return;
	one.items[0] = *p;
	catalog_free(&one);
	memset(p, 0, sizeof *p);
}

void reader_request_free(struct reader_request *r)
{
	free(r->host);
	free(r->hostname);
	free(r->machine_id);
	free(r->against);
	strings_free(&r->files);
	for (size_t i = 0; r->known && i < r->p.known_count; i++)
		chunks_destroy((struct chunks *)(uintptr_t)r->known[i].chunks);
	free(r->known);
	live_mounts_free(&r->live);
	strings_free(&r->disks);
	catalog_free(&r->previous);
	free_point(&r->point);
	policy_free(&r->policy);
	memset(r, 0, sizeof *r);
}
