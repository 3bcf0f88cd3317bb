// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The walk of all metadata: each cluster belongs to one chain, each chain is as long as its file, each
 * directory holds together.
 */
#include "backproof/text.h"
#include "fat.h"

/* Times are local and nobody wrote down where. So that nothing looks younger than it is, they are
 * taken to be from the zone that is furthest ahead of UTC. */
#define FURTHEST_ZONE (14 * 3600)

struct verify {
	struct fat *fs;
	const char *subject;
	struct findings *f;
	const struct budget *b;
	int64_t now, newest;
	uint8_t *claimed; /* a bit a cluster */
	struct text path;
	uint64_t clusters, files, dirs, bad_names, orphans;
	unsigned bad_chains, bad_dirs, labels;
};

#define broken_chain(v, at, ...)                                                                   \
	do {                                                                                       \
		(v)->bad_chains++;                                                                 \
		fat_finding((v)->f, "fat.chains", (v)->subject, OUTCOME_BROKEN, at, __VA_ARGS__);  \
	} while (0)
#define broken_dir(v, at, ...)                                                                     \
	do {                                                                                       \
		(v)->bad_dirs++;                                                                   \
		fat_finding((v)->f, "fat.directories", (v)->subject, OUTCOME_BROKEN, at,           \
			    __VA_ARGS__);                                                          \
	} while (0)

static const char *path_of(const struct verify *v)
{
	return v->path.length ? text_str(&v->path) : "/";
}

static bool is_claimed(const struct verify *v, uint32_t c)
{
	return v->claimed[c / 8] >> c % 8 & 1;
}

/* Where two chains meet, or one bites its tail. */
static int tell_shared(struct verify *v, uint32_t start, uint64_t count, uint32_t shared,
		       struct error *e)
{
	bool circle = false;
	for (uint32_t c = start; count && v->bad_chains < 100; count--) {
		if (c == shared) {
			circle = true;
			break;
		}
		if (fat_follow(v->fs, &c, e) < 0)
			return -1;
	}
	broken_chain(v, fat_entry_place(v->fs, shared),
		     circle ? "%s: its chain comes back to cluster %u"
			    : "%s: cluster %u belongs to another chain as well",
		     path_of(v), shared);
	return 0;
}

/* Claims a chain. 1 whole (*count clusters), 0 broken and told, -1. */
static int claim(struct verify *v, uint32_t start, uint64_t *count, struct error *e)
{
	struct fat *fs = v->fs;
	*count = 0;
	if (start < FIRST_CLUSTER || start >= fs->limit) {
		broken_chain(v, -1, "%s: begins at cluster %u, which does not exist", path_of(v), start);
		return 0;
	}
	for (uint32_t c = start, value;; c = value) {
		if (!(*count & 0xfff) && v->b && budget_check(v->b, e) < 0)
			return -1;
		if (is_claimed(v, c))
			return tell_shared(v, start, *count, c, e);
		v->claimed[c / 8] |= (uint8_t)(1u << c % 8);
		*count += 1;
		v->clusters++;
		if (fat_entry_at(fs, c, &value, e) < 0)
			return -1;
		enum fat_link link = fat_link_of(fs, value);
		if (link == FAT_END)
			return 1;
		if (link != FAT_NEXT) {
			broken_chain(v, fat_entry_place(fs, c), "%s: cluster %u of its chain %s",
				     path_of(v), c, fat_link_text(link));
			return 0;
		}
	}
}

static int judge_file(struct verify *v, const struct fat_entry *it, struct error *e)
{
	uint64_t count = 0, want = ((uint64_t)it->size + v->fs->cluster - 1) / v->fs->cluster;
	v->files++;
	if (it->cluster) {
		int rc = claim(v, it->cluster, &count, e);
		if (rc <= 0)
			return rc;
	}
	if (count != want)
		broken_chain(v, it->place,
			     "%s: its size of %u bytes takes %llu clusters, its chain has %llu",
			     path_of(v), it->size, (unsigned long long)want,
			     (unsigned long long)count);
	return 0;
}

/* What every entry has: name, attributes, times. */
static void judge_entry(struct verify *v, const struct fat_entry *it, bool root)
{
	int64_t t = it->made > it->written ? it->made : it->written;
	t -= FURTHEST_ZONE;
	if (t > v->newest && t <= v->now)
		v->newest = t;
	v->bad_names += it->bad_long;
	if (it->after_end) {
		broken_dir(v, it->place, "%s: lies behind the end mark of its directory", path_of(v));
		return;
	}
	if (it->kind == FAT_LABEL) {
		if (it->cluster || it->size)
			broken_dir(v, it->place, "%s: a volume label that has content", path_of(v));
		else if (!root || ++v->labels > 1)
			broken_dir(v, it->place, "%s: a volume label where there should be none",
				   path_of(v));
		return;
	}
	if (it->bad_short)
		broken_dir(v, it->place, "%s: its short name holds what no name may hold", path_of(v));
	if (it->kind == FAT_DIR && it->size)
		broken_dir(v, it->place, "%s: a directory with a size of %u", path_of(v), it->size);
}

struct short_name {
	uint8_t bytes[11];
};

struct level {
	struct fat_dir dir;
	struct fat_entry it;
	VEC(struct short_name) names;
};

static void level_free(struct level *l)
{
	if (l)
		free(l->names.items);
	free(l);
}
DEFINE_AUTO(struct level, level_free)

static int by_name(const void *a, const void *b)
{
	return memcmp(a, b, 11);
}

/* "." and ".." come first and name the directory and its parent. */
static void judge_dots(struct verify *v, const struct fat_entry *it, unsigned index, uint32_t cluster,
		       uint32_t parent)
{
	uint32_t root = v->fs->root_cluster;
	if (it->kind == FAT_DOT || it->kind == FAT_DOTDOT) {
		uint32_t want = it->kind == FAT_DOT ? cluster : parent;
		bool same = it->cluster == want || (!want && root && it->cluster == root);
		if (!cluster || index != (it->kind == FAT_DOT ? 0u : 1u))
			broken_dir(v, it->place, "%s: an entry %s in the wrong place", path_of(v),
				   it->name);
		else if (!same || !(it->raw[11] & 0x10) || it->size)
			broken_dir(v, it->place, "%s: its entry %s names cluster %u, not %u", path_of(v),
				   it->name, it->cluster, want);
	} else if (cluster && index < 2) {
		broken_dir(v, it->place, "%s: its entry %s is missing", path_of(v), index ? ".." : ".");
	}
}

static int put_name(struct verify *v, const char *name, struct error *e)
{
	text_printf(&v->path, "%s%s", v->path.length ? "/" : "", name);
	return v->path.failed ? error_nomem(e) : 0;
}

static void cut_name(struct verify *v, size_t length)
{
	v->path.length = length;
	if (v->path.data)
		v->path.data[length] = 0;
}

/* What went wrong with a directory: told as a finding when it is its own fault. */
static int tell_dir(struct verify *v, struct error *e)
{
	if (e->cls != ERROR_CORRUPT)
		return -1;
	v->bad_dirs++;
	error_prefix(e, "%s", path_of(v));
	finding_error(v->f, PROOF_STRUCTURE, "fat.directories", v->subject, e);
	return 0;
}

/* All entries of one directory, and the chains of its files. cluster 0: the root. */
static int judge_entries(struct verify *v, struct level *l, uint32_t cluster, uint32_t parent,
			 struct error *e)
{
	size_t length = v->path.length;
	unsigned index = 0;
	int rc;
	if (fat_dir_open(&l->dir, v->fs, cluster, e) < 0)
		return tell_dir(v, e);
	l->dir.past_mark = true;
	while ((rc = fat_dir_next(&l->dir, &l->it, e)) > 0) {
		struct fat_entry *it = &l->it;
		if (v->b && budget_check(v->b, e) < 0)
			return -1;
		/* The dots belong to the directory itself; the first two entries have to be them. */
		judge_dots(v, it, index++, cluster, parent);
		if (it->kind == FAT_DOT || it->kind == FAT_DOTDOT)
			continue;
		if (put_name(v, it->name, e) < 0)
			return -1;
		judge_entry(v, it, !cluster);
		rc = it->kind == FAT_FILE && !it->after_end ? judge_file(v, it, e) : 0;
		cut_name(v, length);
		if (rc < 0)
			return -1;
		if (it->kind == FAT_LABEL)
			continue;
		struct short_name *name = vec_push(&l->names);
		if (!name)
			return error_nomem(e);
		memcpy(name->bytes, it->raw, sizeof name->bytes);
	}
	if (rc < 0)
		return tell_dir(v, e);
	if (cluster && index < 2)
		broken_dir(v, fat_place(v->fs, cluster), "%s: its entries . and .. are missing", path_of(v));
	v->orphans += l->dir.orphans;
	if (l->names.count)
		qsort(l->names.items, l->names.count, sizeof *l->names.items, by_name);
	for (size_t i = 1; i < l->names.count; i++)
		if (!by_name(&l->names.items[i - 1], &l->names.items[i]))
			broken_dir(v, -1, "%s: two entries have the short name %.11s", path_of(v),
				   (const char *)l->names.items[i].bytes);
	vec_free(&l->names);
	return 0;
}

static int judge_dir(struct verify *v, uint32_t cluster, uint32_t parent, unsigned depth,
		     struct error *e)
{
	uint32_t first = cluster ? cluster : v->fs->root_cluster;
	size_t length = v->path.length;
	uint64_t count;
	int rc;
	v->dirs++;
	if (depth > MAX_DEPTH)
		return error_budget(e, "budget.depth", "FAT: directories lie more than %d deep in each other",
				    MAX_DEPTH);
	/* A chain that is shared is not followed: it might lead round and round. */
	if (first && (rc = claim(v, first, &count, e)) <= 0)
		return rc;
	autodestroy(level_free_auto) struct level *l = calloc(1, sizeof *l);
	if (!l)
		return error_nomem(e);
	if (judge_entries(v, l, cluster, parent, e) < 0)
		return -1;
	if (fat_dir_open(&l->dir, v->fs, cluster, e) < 0)
		return tell_dir(v, e);
	while ((rc = fat_dir_next(&l->dir, &l->it, e)) > 0) {
		if (l->it.kind != FAT_DIR)
			continue;
		if (put_name(v, l->it.name, e) < 0)
			return -1;
		if (l->it.cluster)
			rc = judge_dir(v, l->it.cluster, cluster, depth + 1, e);
		else
			broken_dir(v, l->it.place, "%s: a directory without a cluster", path_of(v));
		cut_name(v, length);
		if (rc < 0)
			return -1;
	}
	return rc < 0 && e->cls != ERROR_CORRUPT ? -1 : 0; /* told by judge_entries */
}

/* Clusters in use that nothing owns: what a crash leaves. Harmless, but not if they point nowhere. */
static int judge_rest(struct verify *v, struct error *e)
{
	uint64_t lost = 0;
	for (uint32_t c = FIRST_CLUSTER, value; c < v->fs->limit; c++) {
		if (!(c & 0xffff) && v->b && budget_check(v->b, e) < 0)
			return -1;
		if (is_claimed(v, c))
			continue;
		if (fat_entry_at(v->fs, c, &value, e) < 0)
			return -1;
		enum fat_link link = fat_link_of(v->fs, value);
		lost += link == FAT_NEXT || link == FAT_END;
		if (link == FAT_OUTSIDE)
			broken_chain(v, fat_entry_place(v->fs, c), "cluster %u, which no file owns, %s", c,
				     fat_link_text(link));
	}
	if (lost)
		fat_finding(v->f, "fat.lost", v->subject, OUTCOME_SKIPPED, -1,
			    "%llu clusters are in use but belong to no file", (unsigned long long)lost);
	return 0;
}

static int judge_all(struct verify *v, struct error *e)
{
	if (fat_judge_copies(v->fs, v->subject, v->f, v->b, e) < 0 || judge_dir(v, 0, 0, 0, e) < 0 ||
	    judge_rest(v, e) < 0)
		return -1;
	if (v->bad_names || v->orphans)
		fat_finding(v->f, "fat.names", v->subject, OUTCOME_SKIPPED, -1,
			    "%llu long names do not belong to the entries behind them: short names are used",
			    (unsigned long long)(v->bad_names + v->orphans));
	if (!v->bad_chains)
		fat_finding(v->f, "fat.chains", v->subject, OUTCOME_HELD, -1,
			    "%llu files and %llu directories own %llu clusters, each cluster once",
			    (unsigned long long)v->files, (unsigned long long)v->dirs,
			    (unsigned long long)v->clusters);
	if (!v->bad_dirs)
		fat_finding(v->f, "fat.directories", v->subject, OUTCOME_HELD, -1,
			    "%llu directories with %llu files hold together",
			    (unsigned long long)v->dirs, (unsigned long long)v->files);
	return 0;
}

int fat_verify(void *self, const char *subject, struct findings *f, const struct budget *b,
	       int64_t now, int64_t *newest, struct error *e)
{
	struct fat *fs = self;
	autofree uint8_t *claimed = calloc(fs->limit / 8 + 1, 1);
	if (!claimed)
		return error_nomem(e);
	struct verify v = {.fs = fs, .subject = subject, .f = f, .b = b, .now = now, .claimed = claimed};
	int rc = judge_all(&v, e);
	text_free(&v.path);
	*newest = v.newest;
	return rc;
}
