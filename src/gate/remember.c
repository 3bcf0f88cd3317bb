// SPDX-License-Identifier: GPL-3.0-or-later
#include "remember.h"

#include <limits.h>
#include <pthread.h>
#include <sys/stat.h>

#include "backproof/text.h"

struct memory {
	char *path;
	struct history *history; /* NULL: it can't be used at all */
	struct error error;	 /* why it can't be used, or not be written to */
	bool writes;
};

struct histories {
	bool later;
	pthread_mutex_t lock;
	VEC(struct memory *) items; /* their places stay */
};

struct histories *histories_new(bool later, struct error *e)
{
	struct histories *x = calloc(1, sizeof *x);
	if (!x) {
		error_nomem(e);
		return NULL;
	}
	x->later = later;
	pthread_mutex_init(&x->lock, NULL);
	return x;
}

void histories_destroy(struct histories *x)
{
	if (!x)
		return;
	vec_each(&x->items, it)
	{
		history_destroy((*it)->history);
		free((*it)->path);
		free(*it);
	}
	vec_free(&x->items);
	pthread_mutex_destroy(&x->lock);
	free(x);
}

/* The usual place counts where somebody has made it for us. */
const char *remember_path(const struct policy *p)
{
	const char *path = p->history ? p->history : history_usual();
	if (!strcmp(path, HISTORY_DEFAULT) && !p->history && access(HISTORY_DIRECTORY, W_OK | X_OK) < 0)
		return NULL;
	return strcmp(path, "none") ? path : NULL;
}

/* What can't be written to may still have something to say. */
static void open_one(struct memory *m)
{
	struct error ignored;
	m->history = history_open(m->path, HISTORY_WRITE, &m->error);
	m->writes = m->history != NULL;
	if (!m->history && m->error.cls == ERROR_IO)
		m->history = history_open(m->path, HISTORY_READ, &ignored);
}

static struct memory *find(struct histories *x, const char *path)
{
	struct memory *found = NULL;
	pthread_mutex_lock(&x->lock);
	vec_each(&x->items, it) found = strcmp((*it)->path, path) ? found : *it;
	if (!found) {
		struct memory *m = calloc(1, sizeof *m), **to;
		if (m && (m->path = strdup(path)) && (to = vec_push(&x->items))) {
			open_one(m);
			found = *to = m;
		} else if (m) {
			free(m->path);
			free(m);
		}
	}
	pthread_mutex_unlock(&x->lock);
	return found;
}

void remember_open(struct histories *x, struct check_parameters *p)
{
	static const struct error no_memory = {.cls = ERROR_INTERNAL, .text = "out of memory"};
	const char *path = remember_path(p->policy);
	struct memory *m = path ? find(x, path) : NULL;
	p->history = m ? m->history : NULL;
	p->history_error = m && !m->history ? &m->error : path && !m ? &no_memory : NULL;
	p->keep_chunks = m && m->writes;
}

static void note(struct strings *notes, const char *why)
{
	autofree char *line = text_format("this is not remembered: %s", why);
	if (line && !strings_has(notes, line))
		(void)!strings_add(notes, line);
}

void histories_flush(struct histories *x, struct strings *notes)
{
	vec_each(&x->items, it)
	{
		struct error e;
		size_t lost;
		if (!(*it)->writes || history_flush((*it)->history, &lost, &e) == 0)
			continue;
		autofree char *line = text_format("%zu verdict%s not remembered: %s", lost,
						  lost == 1 ? " is" : "s are", e.text);
		if (line)
			(void)!strings_add(notes, line);
	}
}

static int64_t nanoseconds(const struct timespec *t)
{
	int64_t out;
	return mul_overflows((int64_t)t->tv_sec, INT64_C(1000000000), &out) || add_overflows(out, t->tv_nsec, &out)
		       ? 0
		       : out;
}

void remember_identity(struct history_file *to, const struct stat *st)
{
	to->size = (uint64_t)st->st_size;
	to->device = st->st_dev;
	to->inode = st->st_ino;
	to->mtime_ns = nanoseconds(&st->st_mtim);
	to->ctime_ns = nanoseconds(&st->st_ctim);
}

static int collect_file(struct part *part, struct history_record *r)
{
	char real[PATH_MAX];
	const struct stat *st = part->source ? source_stat(part->source) : NULL;
	struct history_file *to = vec_push(&r->files);
	if (!to || !(to->path = strdup(realpath(part->file->path, real) ? real : part->file->path)))
		return -1;
	to->size = part->file->size;
	if (!st)
		return 0;
	remember_identity(to, st);
	/* A digest of half a file is none of it; and a device has no size that stays. */
	to->read_whole = part->read_whole && S_ISREG(st->st_mode);
	to->has_sha256 = to->read_whole && part->digest_mask & 1u << DIGEST_SHA256;
	to->has_fsverity = to->read_whole && part->digest_mask & 1u << DIGEST_FSVERITY;
	if (to->has_sha256)
		memcpy(to->sha256, part->digests[DIGEST_SHA256], sizeof to->sha256);
	if (to->has_fsverity)
		memcpy(to->fsverity, part->digests[DIGEST_FSVERITY], sizeof to->fsverity);
	to->has_known = !to->read_whole && part->known_from && S_ISREG(st->st_mode);
	memcpy(to->known, part->known_digest, sizeof to->known);
	/* What is sealed has its chunks in the seal; of a file of one block there are none. */
	bool sealed = part->known_from && !strcmp(part->known_from, "seal");
	if (to->has_fsverity && !sealed && part->chunks && chunks_count(part->chunks))
		to->chunks = take(part->chunks);
	return 0;
}

int remember_file(struct history_record *r, const struct proved_file *f, bool read_whole, struct chunks *chunks)
{
	char real[PATH_MAX];
	struct stat st;
	struct history_file *to = vec_push(&r->files);
	if (!to || !(to->path = strdup(realpath(f->path, real) ? real : f->path))) {
		chunks_destroy(chunks);
		return -1;
	}
	to->size = f->size;
	to->chunks = chunks;
	if (stat(f->path, &st) < 0)
		return 0;
	remember_identity(to, &st);
	to->read_whole = read_whole && S_ISREG(st.st_mode);
	to->has_sha256 = to->read_whole && f->has_sha256;
	to->has_fsverity = to->read_whole && f->has_fsverity;
	memcpy(to->sha256, f->sha256, sizeof to->sha256);
	memcpy(to->fsverity, f->fsverity, sizeof to->fsverity);
	to->has_known = !read_whole && S_ISREG(st.st_mode) && f->has_known;
	memcpy(to->known, f->known, sizeof to->known);
	return 0;
}

void remember_no_digests(struct history_record *r)
{
	vec_each(&r->files, it)
	{
		it->read_whole = it->has_sha256 = it->has_fsverity = it->has_known = false;
		chunks_destroy(it->chunks);
		it->chunks = NULL;
	}
}

struct history_record *remember_record(const struct check_parameters *p, const struct host_result *out)
{
	const struct measures *m = &out->measures;
	struct history_record *r = calloc(1, sizeof *r);
	if (!r)
		return NULL;
	r->checked_at = out->checked_at;
	r->taken_at = out->taken_at;
	r->depth = (int)out->depth;
	r->seed = out->seed;
	r->evidence = (int)p->policy->integrity_evidence;
	r->bytes = out->bytes;
	r->bytes_read = m->bytes_read;
	r->bytes_decoded = m->bytes_decoded;
	r->image_data = m->image_data;
	r->files_sampled = m->files_sampled;
	r->files_restored = m->files_restored;
	r->files_witnessed = m->files_witnessed;
	r->bytes_restored = m->bytes_restored;
	r->restore_seconds = m->restore_seconds;
	r->confidence = out->sample.total ? out->sample.confidence : 0;
	r->damage = out->sample.total ? out->sample.damage : 0;
	if (string_copy(&r->host, out->host) == 0 && string_copy(&r->label, out->point_label) == 0 &&
	    string_copy(&r->policy, out->policy) == 0 && string_copy(&r->hostname, out->hostname) == 0 &&
	    string_copy(&r->machine_id, out->machine_id) == 0 && string_copy(&r->system, out->system) == 0)
		return r;
	history_record_free(r);
	free(r);
	return NULL;
}

static void drop_record(struct host_result *out)
{
	history_record_free(out->record);
	free(out->record);
	out->record = NULL;
}

void remember_collect(struct subject *s, const struct check_parameters *p, struct host_result *out)
{
	drop_record(out);
	struct history_record *r = out->record = p->history || p->remember ? remember_record(p, out) : NULL;
	if (!r)
		return;
	for (size_t i = 0; i < s->part_count; i++)
		if (s->parts[i].file && collect_file(&s->parts[i], r) < 0) {
			drop_record(out);
			return;
		}
	r->opaque_known = tree_traits_opaque(&s->traits, &r->opaque);
	if (s->traits.spoilt)
		return;
	r->entries = s->traits.entries;
	r->sketch_count = s->traits.sketch ? s->traits.sketch_count : 0;
	r->sketch = take(s->traits.sketch);
}

static int add_verdict(struct history_record *r, const struct host_result *out)
{
	/* What was found, whatever a person has made of it. */
	r->code = (int)(out->verdict.code == CODE_WAIVED ? out->verdict.waived : out->verdict.code);
	r->waiver = out->verdict.code == CODE_WAIVED && out->waiver ? out->waiver->id : 0;
	r->duration_seconds = out->measures.duration_seconds;
	for (int i = 0; i < PROOF_COUNT; i++)
		r->proofs[i] = (uint8_t)out->verdict.proofs[i];
	for (size_t i = 0; i < out->verdict.reasons.count; i++)
		if (strings_add(&r->reasons, out->verdict.reasons.items[i]) < 0)
			return -1;
	return 0;
}

/* The point that was judged last is the host's verdict, and comes last. */
static void write_one(struct histories *x, const struct check_parameters *p, struct host_result *out,
		      struct strings *notes)
{
	struct error e = {0};
	if (out->older)
		write_one(x, p, out->older, notes);
	if (!out->record)
		out->record = remember_record(p, out);
	if (!out->record || add_verdict(out->record, out) < 0)
		note(notes, "out of memory");
	else if (x->later)
		history_post(p->history, take(out->record));
	else if (history_add(p->history, out->record, &e) < 0)
		note(notes, e.text);
	drop_record(out);
}

void remember(struct histories *x, const struct check_parameters *p, struct host_result *out)
{
	const char *path = remember_path(p->policy);
	struct memory *m = path ? find(x, path) : NULL;
	if (path && (!m || (m->writes && !p->history)))
		note(&out->notes, "out of memory");
	else if (m && !m->writes)
		note(&out->notes, m->error.text);
	else if (m && !stop_signal) /* broken off by somebody's hand: nobody's verdict */
		write_one(x, p, out, &out->notes);
}
