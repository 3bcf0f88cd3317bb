// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What a reader found. It has looked at what an attacker may have written, and may be the attacker's by now: whatever
 * it says is held against what can be there at all.
 */
#include <pthread.h>
#include <sys/stat.h>

#include "reader.h"
#include "remember.h"

#define TEXT_MOST 8192
#define NAME_MOST 64	    /* of a check */
#define NAMES_MOST 2048	    /* of checks, that a process has ever met */
#define FINDINGS_MOST 200000
#define FORMATS_MOST 1000
#define CHUNKS_ROOM (READER_RESULT_MOST - 16 * MIB) /* leaves room for what comes after them */

/* Names of checks are literals everywhere else: these stay for good, each once. */
static const char *check_name(const char *name)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct strings met;
	const char *found = NULL;
	size_t n = strlen(name);
	if (!n || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") != n)
		return NULL;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < met.count && !found; i++)
		found = strcmp(met.items[i], name) ? NULL : met.items[i];
	if (!found && met.count < NAMES_MOST && strings_add(&met, name) == 0)
		found = met.items[met.count - 1];
	pthread_mutex_unlock(&lock);
	return found;
}

static void put_findings(struct wire_out *w, const struct findings *f)
{
	wire_put_u64(w, f->count);
	vec_each(f, it)
	{
		wire_put_u8(w, (uint8_t)it->proof);
		wire_put_u8(w, (uint8_t)it->outcome);
		wire_put_u8(w, (uint8_t)it->blame);
		wire_put_u8(w, (uint8_t)it->error);
		wire_put_i64(w, it->offset);
		wire_put_string(w, it->check);
		wire_put_string(w, it->subject);
		wire_put_string(w, it->expected);
		wire_put_string(w, it->measured);
		wire_put_string(w, it->detail);
	}
	for (int i = 0; i < PROOF_COUNT; i++)
		wire_put_u64(w, f->dropped[i]);
	wire_put_u8(w, f->lost);
}

static void get_finding(struct wire_in *w, struct findings *f)
{
	struct finding *it = vec_push(f);
	if (!it) {
		wire_bad(w, "out of memory");
		return;
	}
	it->proof = (enum proof)wire_get_enum(w, PROOF_COUNT);
	it->outcome = (enum outcome)wire_get_enum(w, OUTCOME_SKIPPED + 1);
	it->blame = (enum blame)wire_get_enum(w, BLAME_BUSY + 1);
	it->error = (enum error_class)wire_get_enum(w, ERROR_INTERNAL + 1);
	it->offset = wire_get_i64(w);
	autofree char *name = wire_get_string(w, NAME_MOST);
	it->check = name ? check_name(name) : NULL;
	it->subject = wire_get_string(w, TEXT_MOST);
	it->expected = wire_get_string(w, TEXT_MOST);
	it->measured = wire_get_string(w, TEXT_MOST);
	it->detail = wire_get_string(w, TEXT_MOST);
	if (!w->bad && (!it->check || !it->subject || it->offset < ERROR_NO_OFFSET))
		wire_bad(w, "a finding that is none");
}

static void get_findings(struct wire_in *w, struct findings *f)
{
	size_t count = wire_get_count(w, 32, FINDINGS_MOST);
	for (size_t i = 0; i < count && !w->bad; i++)
		get_finding(w, f);
	for (int i = 0; i < PROOF_COUNT; i++)
		f->dropped[i] = (size_t)wire_get_u64(w);
	f->lost = wire_get_bool(w);
}

static void put_measures(struct wire_out *w, const struct host_result *r)
{
	const struct measures *m = &r->measures;
	const struct chunk_sample *s = &r->sample;
	const uint64_t numbers[] = {m->bytes_read,	m->bytes_decoded,  m->files_sampled, m->files_restored,
				    m->files_witnessed, m->bytes_restored, m->image_data,    s->total,
				    s->bytes_total,	s->drawn,	   s->bytes_read,    s->known,
				    s->needed,		s->bad};
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		wire_put_u64(w, numbers[i]);
	wire_put_double(w, m->restore_seconds);
	wire_put_u32(w, s->confidence);
	wire_put_u32(w, s->damage);
	wire_put_u32(w, s->wanted);
	wire_put_u8(w, !s->from ? 0 : !strcmp(s->from, "seal") ? 1 : 2);
	wire_put_u8(w, s->stopped);
	wire_put_i64(w, r->taken_at);
}

static void get_measures(struct wire_in *w, struct host_result *r)
{
	static const char *const froms[] = {NULL, "seal", "history"};
	struct measures *m = &r->measures;
	struct chunk_sample *s = &r->sample;
	uint64_t *const numbers[] = {&m->bytes_read,	  &m->bytes_decoded,  &m->files_sampled, &m->files_restored,
				     &m->files_witnessed, &m->bytes_restored, &m->image_data,	 &s->total,
				     &s->bytes_total,	  &s->drawn,	      &s->bytes_read,	 &s->known,
				     &s->needed,	  &s->bad};
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		*numbers[i] = wire_get_u64(w);
	m->restore_seconds = wire_get_double(w);
	s->confidence = wire_get_u32(w);
	s->damage = wire_get_u32(w);
	s->wanted = wire_get_u32(w);
	s->from = froms[wire_get_enum(w, ARRAY_SIZE(froms))];
	s->stopped = wire_get_bool(w);
	r->taken_at = wire_get_i64(w);
	if (s->confidence > 1000000 || s->damage > 1000000 || s->drawn > s->total || s->known > s->total ||
	    m->files_restored > m->files_sampled)
		wire_bad(w, "numbers that contradict each other");
}

static void put_digest(struct wire_out *w, bool has, const uint8_t digest[32])
{
	wire_put_u8(w, has);
	wire_put(w, digest, 32);
}

static bool get_digest(struct wire_in *w, uint8_t digest[32])
{
	bool has = wire_get_bool(w);
	const void *p = wire_get(w, 32);
	if (has && p)
		memcpy(digest, p, 32);
	return has;
}

static void put_files(struct wire_out *w, const struct host_result *r, const struct reader_file *files, size_t count)
{
	wire_put_u64(w, count);
	for (size_t i = 0; i < count; i++) {
		static const struct proved_file none;
		const struct proved_file *f = i < r->files.count ? &r->files.items[i] : &none;
		const struct chunks *c = r->record && i < r->record->files.count ? r->record->files.items[i].chunks
										  : NULL;
		struct error e;
		size_t len = 0;
		autofree uint8_t *packed = c ? chunks_pack(c, &len, &e) : NULL;
		wire_put_u8(w, files[i].read_whole);
		wire_put_u64(w, files[i].holes);
		put_digest(w, f->has_sha256, f->sha256);
		put_digest(w, f->has_fsverity, f->fsverity);
		put_digest(w, f->has_known, f->known);
		/* Without them the next check reads all of it; too long a message would be no result. */
		if (!packed || len > (w->length < CHUNKS_ROOM ? CHUNKS_ROOM - w->length : 0))
			len = 0;
		wire_put_u64(w, len);
		wire_put(w, packed, len);
	}
}

/* Hashes that are to be remembered give the digest, or are none. */
static struct chunks *get_chunks(struct wire_in *w, const struct proved_file *f)
{
	uint8_t digest[MERKLE_HASH];
	struct error e;
	size_t len = wire_get_count(w, 1, SIZE_MAX);
	const void *packed = wire_get(w, len);
	if (w->bad || !len)
		return NULL;
	autodestroy(chunks_destroy_auto) struct chunks *c = chunks_unpack(packed, len, &e);
	if (c && f->has_fsverity && chunks_digest(c, f->size, digest, &e) == 0 &&
	    !memcmp(digest, f->fsverity, sizeof digest))
		return take(c);
	wire_bad(w, "hashes that do not give the digest");
	return NULL;
}

static void get_file(struct wire_in *w, const struct point_file *file, struct host_result *out,
		     struct reader_file *what, struct chunks **chunks)
{
	struct proved_file *to = vec_push(&out->files);
	if (!to || !(to->path = strdup(file->path))) {
		wire_bad(w, "out of memory");
		return;
	}
	to->size = file->size;
	what->read_whole = wire_get_bool(w);
	what->holes = wire_get_u64(w);
	to->has_sha256 = get_digest(w, to->sha256);
	to->has_fsverity = get_digest(w, to->fsverity);
	to->has_known = get_digest(w, to->known);
	*chunks = get_chunks(w, to);
	if ((to->has_sha256 || to->has_fsverity) && !what->read_whole)
		wire_bad(w, "a digest of half a file");
}

static void put_inside(struct wire_out *w, const struct host_result *r)
{
	const struct seal_state *s = &r->seal;
	wire_put_strings(w, &r->formats);
	wire_put_string(w, r->hostname);
	wire_put_string(w, r->machine_id);
	wire_put_string(w, r->system);
	wire_put_string(w, s->path);
	wire_put_u8(w, s->is_signed);
	wire_put_u8(w, s->trusted);
	wire_put_string(w, s->key_id);
	wire_put_i64(w, s->sealed_at);
}

static void get_inside(struct wire_in *w, struct host_result *r)
{
	struct seal_state *s = &r->seal;
	wire_get_strings(w, &r->formats, FORMATS_MOST, NAME_MOST);
	r->hostname = wire_get_string(w, TEXT_MOST);
	r->machine_id = wire_get_string(w, TEXT_MOST);
	r->system = wire_get_string(w, TEXT_MOST);
	s->path = wire_get_string(w, TEXT_MOST);
	s->is_signed = wire_get_bool(w);
	s->trusted = wire_get_bool(w);
	autofree char *id = wire_get_string(w, sizeof s->key_id - 1);
	snprintf(s->key_id, sizeof s->key_id, "%s", id ? id : "");
	s->sealed_at = wire_get_i64(w);
}

static void put_traits(struct wire_out *w, const struct history_record *r)
{
	wire_put_u8(w, r != NULL);
	if (!r)
		return;
	wire_put_u8(w, r->opaque_known);
	wire_put_u32(w, r->opaque);
	wire_put_u64(w, r->entries);
	wire_put_u64(w, r->sketch_count);
	for (size_t i = 0; i < r->sketch_count; i++)
		wire_put_u64(w, r->sketch[i]);
}

static void get_traits(struct wire_in *w, struct history_record *r)
{
	r->opaque_known = wire_get_bool(w);
	r->opaque = wire_get_u32(w);
	r->entries = wire_get_u64(w);
	r->sketch_count = wire_get_count(w, 8, SKETCH_SIZE);
	r->sketch = r->sketch_count ? calloc(r->sketch_count, sizeof *r->sketch) : NULL;
	if (r->sketch_count && !r->sketch) {
		r->sketch_count = 0;
		wire_bad(w, "out of memory");
	}
	for (size_t i = 0; i < r->sketch_count; i++) {
		r->sketch[i] = wire_get_u64(w);
		if (i && r->sketch[i] <= r->sketch[i - 1])
			wire_bad(w, "a sketch that is none");
	}
	if (r->opaque > 1000000)
		wire_bad(w, "a share of more than all");
}

void reader_result_put(struct wire_out *w, const struct host_result *r, const struct reader_file *files, size_t count)
{
	put_findings(w, &r->findings);
	put_measures(w, r);
	put_inside(w, r);
	put_files(w, r, files, count);
	put_traits(w, r->record);
}

static void get_record(struct wire_in *w, const struct check_parameters *p, struct host_result *out,
		       struct reader_file *files, struct chunks **chunks)
{
	if (!wire_get_bool(w))
		return;
	struct history_record *r = remember_record(p, out);
	if (!r) {
		wire_bad(w, "out of memory");
		return;
	}
	get_traits(w, r);
	out->record = r;
	for (size_t i = 0; i < out->files.count && !w->bad; i++) {
		struct proved_file *f = &out->files.items[i];
		if (remember_file(r, f, files[i].read_whole, take(chunks[i])) < 0)
			wire_bad(w, "out of memory");
	}
}

static void take_back(struct host_result *out)
{
	struct host_result none = {0};
	none.files = out->files;
	none.formats = out->formats;
	none.hostname = out->hostname;
	none.machine_id = out->machine_id;
	none.system = out->system;
	none.seal = out->seal;
	none.record = out->record;
	memset(&out->files, 0, sizeof out->files);
	memset(&out->formats, 0, sizeof out->formats);
	memset(&out->seal, 0, sizeof out->seal);
	memset(&out->measures, 0, sizeof out->measures);
	memset(&out->sample, 0, sizeof out->sample);
	out->hostname = out->machine_id = out->system = NULL;
	out->record = NULL;
	out->taken_at = 0;
	host_result_free(&none);
}

int reader_result_get(const void *data, size_t length, const struct restore_point *point,
		      const struct check_parameters *p, struct host_result *out, struct reader_file *files,
		      struct error *e)
{
	struct wire_in w;
	struct findings found;
	autofree struct chunks **chunks = calloc(point->count + 1, sizeof *chunks);
	double seconds = out->measures.duration_seconds;
	if (!chunks || findings_init(&found) < 0)
		return error_nomem(e);
	wire_in_init(&w, data, length);
	get_findings(&w, &found);
	get_measures(&w, out);
	get_inside(&w, out);
	if (wire_get_count(&w, 1, SIZE_MAX) != point->count)
		wire_bad(&w, "other files than were asked about");
	for (size_t i = 0; i < point->count && !w.bad; i++)
		get_file(&w, &point->items[i], out, &files[i], &chunks[i]);
	if (!w.bad)
		get_record(&w, p, out, files, chunks);
	for (size_t i = 0; i < point->count; i++)
		chunks_destroy(chunks[i]);
	bool good = wire_in_done(&w);
	if (good) {
		findings_take(&out->findings, &found);
		out->age = out->taken_at ? seconds_since(out->taken_at, p->now) : 0;
	} else {
		take_back(out);
		error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s", w.why ? w.why : "more than belongs to it");
	}
	out->measures.duration_seconds = seconds;
	findings_free(&found);
	return good ? 0 : -1;
}
