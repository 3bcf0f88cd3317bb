// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The caller's thread reads, ahead of the digests by a ring of slots. A tree is hashed slot by slot in tasks that need
 * nothing of each other; a digest that has to see all bytes in order is a lane: one task that goes from slot to slot.
 */
#include "backproof/sweep.h"

#include <pthread.h>

#include "backproof/pool.h"

#define SLOT_CHUNKS 2
#define SLOT_SIZE (SLOT_CHUNKS * MERKLE_CHUNK)
#define SLOTS_MIN 8
#define SLOTS_MAX 16
/* A process that reads so many slots at a time already gets by with fewer for the next file. */
#define SLOTS_PLENTY 96
#define SLOTS_FEW 4
/* A lane that has done so many slots ends, so that who waits for it can read on meanwhile. */
#define LANE_TURN 3
/* Zeros that have to go through a lane are cut, so that a deadline is seen. */
#define ZEROS_IN_LANES (64 * MIB)
/* Extents of zeros that follow each other are taken together up to here. */
#define ZEROS_TOGETHER (64 * GIB)

/* Bytes that follow each other: in memory, or zeros that are nowhere. */
struct slot {
	struct task task; /* first: the task is the slot. Hashes the chunks. */
	bool begun;
	bool zero;
	uint64_t bytes;
	uint8_t *data; /* SLOT_SIZE */
	uint8_t hashes[SLOT_CHUNKS][MERKLE_HASH];
	int result;
	struct error error;
};

struct run;

struct lane {
	struct task task; /* first */
	struct run *run;
	struct digest *digest;
	bool beside; /* not ours */
	bool begun;
	uint64_t at;  /* slots done; under lock, as what follows */
	bool resting; /* its task has come to its end */
};

struct run {
	struct source *src;
	struct sweep *w;
	uint64_t offset; /* read up to here */
	struct extent extent; /* at extent_start, when its length is not 0 */
	uint64_t extent_start;
	struct slot slots[SLOTS_MAX];
	size_t count;
	uint64_t retired; /* slots that nobody needs any more */
	pthread_mutex_t lock;
	uint64_t filled; /* under lock */
	struct lane lanes[2 * DIGEST_KINDS];
	size_t lane_count;
	struct merkle *tree; /* NULL: not wanted */
};

static void digest_slot(struct digest *d, const struct slot *s)
{
	static const uint8_t zeros[64 * 1024];
	if (!s->zero) {
		digest_update(d, s->data, s->bytes);
		return;
	}
	for (uint64_t left = s->bytes; left;) {
		size_t n = left < sizeof zeros ? (size_t)left : sizeof zeros;
		digest_update(d, zeros, n);
		left -= n;
	}
}

static void run_lane(struct task *t)
{
	struct lane *l = (struct lane *)t;
	struct run *r = l->run;
	pthread_mutex_lock(&r->lock);
	for (unsigned turn = 0; turn < LANE_TURN && l->at < r->filled; turn++) {
		const struct slot *s = &r->slots[l->at % r->count];
		pthread_mutex_unlock(&r->lock);
		digest_slot(l->digest, s);
		pthread_mutex_lock(&r->lock);
		l->at++;
	}
	l->resting = true;
	pthread_mutex_unlock(&r->lock);
}

/* Sees to it that the lane's task is under way when there is something for it to do. Returns how far it has come. */
static uint64_t keep_going(struct lane *l)
{
	pthread_mutex_lock(&l->run->lock);
	uint64_t at = l->at;
	bool start = (!l->begun || l->resting) && at < l->run->filled;
	pthread_mutex_unlock(&l->run->lock);
	if (!start)
		return at;
	if (l->begun)
		task_wait(&l->task);
	l->resting = false;
	l->begun = true;
	task_begin(&l->task);
	return at;
}

static void hash_slot(struct task *t)
{
	struct slot *s = (struct slot *)t;
	s->result = merkle_hash_chunks(s->data, s->bytes, s->hashes, &s->error);
}

/* A file of one chunk may be one of a single block, whose tree has no chunks. */
static bool by_chunks(const struct run *r)
{
	return r->tree && source_size(r->src) > MERKLE_CHUNK;
}

static void publish(struct run *r, struct slot *s)
{
	if (by_chunks(r) && !s->zero) {
		s->task = (struct task){.run = hash_slot};
		s->begun = true;
		task_begin(&s->task);
	}
	pthread_mutex_lock(&r->lock);
	r->filled++;
	pthread_mutex_unlock(&r->lock);
	for (size_t i = 0; i < r->lane_count; i++)
		keep_going(&r->lanes[i]);
}

/* Waits for whoever still needs the oldest slot. */
static int retire(struct run *r, struct error *e)
{
	struct slot *s = &r->slots[r->retired % r->count];
	int rc = 0;
	if (s->begun) {
		task_wait(&s->task);
		s->begun = false;
		rc = s->result;
		if (rc < 0)
			*e = s->error;
	}
	for (size_t i = 0; i < r->lane_count; i++)
		while (keep_going(&r->lanes[i]) <= r->retired)
			task_wait(&r->lanes[i].task);
	r->retired++;
	if (rc < 0 || !r->tree)
		return rc;
	if (s->zero)
		merkle_zeros(r->tree, s->bytes);
	else if (by_chunks(r))
		merkle_chunks(r->tree, (const uint8_t(*)[MERKLE_HASH])s->hashes, s->bytes);
	else
		merkle_update(r->tree, s->data, s->bytes);
	return 0;
}

/* What lies at off, as far as the source knows. */
static int extent_at(struct run *r, uint64_t off, struct extent *out, struct error *e)
{
	if (off < r->extent_start || off - r->extent_start >= r->extent.length) {
		r->extent.length = 0;
		if (source_extent_at(r->src, off, &r->extent, e) < 0)
			return -1;
		r->extent_start = off;
	}
	*out = (struct extent){r->extent.length - (off - r->extent_start), r->extent.zero};
	return 0;
}

/* How many bytes from off on are known to be zero: whole chunks, or all there are. */
static int zeros_at(struct run *r, uint64_t off, uint64_t *length, struct error *e)
{
	uint64_t size = source_size(r->src), n = 0;
	struct extent x = {.zero = true};
	for (; off + n < size && n < ZEROS_TOGETHER; n += x.length) {
		if (extent_at(r, off + n, &x, e) < 0)
			return -1;
		if (!x.zero)
			break;
	}
	*length = off + n < size ? n / MERKLE_CHUNK * MERKLE_CHUNK : n;
	return 0;
}

static int fill(struct run *r, struct slot *s, struct error *e)
{
	uint64_t left = source_size(r->src) - r->offset;
	if (zeros_at(r, r->offset, &s->bytes, e) < 0)
		return -1;
	s->zero = s->bytes > 0;
	if (s->zero) {
		if (r->lane_count && s->bytes > ZEROS_IN_LANES)
			s->bytes = ZEROS_IN_LANES;
		r->w->zero += s->bytes;
		return 0;
	}
	if (!s->data && !(s->data = malloc(SLOT_SIZE)))
		return error_nomem(e);
	s->bytes = left < SLOT_SIZE ? left : SLOT_SIZE;
	for (uint64_t at = 0; at < s->bytes;) {
		struct extent x;
		if (extent_at(r, r->offset + at, &x, e) < 0)
			return -1;
		size_t n = s->bytes - at < x.length ? (size_t)(s->bytes - at) : (size_t)x.length;
		if (x.zero)
			memset(s->data + at, 0, n);
		else if (source_read_at(r->src, r->offset + at, s->data + at, n, e) < 0)
			return -1;
		*(x.zero ? &r->w->zero : &r->w->read) += n;
		at += n;
	}
	return 0;
}

static int read_all(struct run *r, struct error *e)
{
	while (r->offset < source_size(r->src)) {
		if (r->filled - r->retired == r->count && retire(r, e) < 0)
			return -1;
		struct slot *s = &r->slots[r->filled % r->count];
		if ((r->w->budget && budget_check(r->w->budget, e) < 0) || fill(r, s, e) < 0)
			return -1;
		r->offset += s->bytes;
		if (r->w->progress)
			*r->w->progress += s->bytes;
		publish(r, s);
	}
	while (r->retired < r->filled)
		if (retire(r, e) < 0)
			return -1;
	return 0;
}

/* Whatever happened: no task of ours is left. */
static void stop(struct run *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->slots[i].begun)
			task_wait(&r->slots[i].task);
	for (size_t i = 0; i < r->lane_count; i++)
		if (r->lanes[i].begun)
			task_wait(&r->lanes[i].task);
}

static void add_lane(struct run *r, struct digest *d, bool beside)
{
	struct lane *l = &r->lanes[r->lane_count++];
	*l = (struct lane){.task.run = run_lane, .run = r, .digest = d, .beside = beside};
}

static int open_digests(struct run *r, struct error *e)
{
	for (int k = 0; k < DIGEST_KINDS; k++) {
		struct digest *d;
		if (r->w->beside && r->w->beside[k])
			add_lane(r, r->w->beside[k], true);
		if (!(r->w->mask & 1u << k))
			continue;
		if (k == DIGEST_FSVERITY) {
			if (!(r->tree = merkle_new(e)))
				return -1;
			merkle_observe(r->tree, r->w->observer, r->w->ctx);
			continue;
		}
		if (!(d = digest_new((enum digest_kind)k, e)))
			return -1;
		add_lane(r, d, false);
	}
	return 0;
}

static int finish(struct run *r, struct error *e)
{
	for (size_t i = 0; i < r->lane_count; i++) {
		struct lane *l = &r->lanes[i];
		if (!l->beside && digest_final(l->digest, r->w->digests[digest_kind(l->digest)], e) < 0)
			return -1;
	}
	return r->tree ? merkle_final(r->tree, r->w->digests[DIGEST_FSVERITY], e) : 0;
}

static _Atomic size_t slots_used; /* by all sweeps of this process */

static size_t take_slots(void)
{
	size_t n = 2 * (size_t)pool_width() + 4;
	n = n < SLOTS_MIN ? SLOTS_MIN : n > SLOTS_MAX ? SLOTS_MAX : n;
	n = slots_used < SLOTS_PLENTY ? n : SLOTS_FEW;
	slots_used += n;
	return n;
}

int sweep_source(struct source *src, struct sweep *w, struct error *e)
{
	struct error why = {0};
	struct run *r = calloc(1, sizeof *r);
	if (!r)
		return error_nomem(e);
	r->src = src;
	r->w = w;
	r->count = take_slots();
	w->read = w->zero = 0;
	pthread_mutex_init(&r->lock, NULL);
	int rc = open_digests(r, &why);
	if (rc == 0)
		rc = read_all(r, &why);
	stop(r);
	if (rc == 0)
		rc = finish(r, &why);
	for (size_t i = 0; i < r->lane_count; i++)
		digest_destroy(r->lanes[i].beside ? NULL : r->lanes[i].digest);
	for (size_t i = 0; i < r->count; i++)
		free(r->slots[i].data);
	slots_used -= r->count;
	merkle_destroy(r->tree);
	pthread_mutex_destroy(&r->lock);
	free(r);
	if (rc < 0 && e)
		*e = why;
	return rc;
}
