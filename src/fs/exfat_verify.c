// SPDX-License-Identifier: GPL-3.0-or-later
/* All directories, chains and the allocation bitmap: each cluster in one chain, each chain as long as it says. */
#include "backproof/text.h"
#include "exfat.h"

struct verify {
	struct exfat *fs;
	const char *subject;
	struct findings *f;
	const struct budget *b;
	int64_t now, newest;
	uint8_t *claimed; /* a bit a cluster, from EXFAT_FIRST on */
	struct text path;
	uint64_t clusters, files, dirs;
	unsigned bad_chains, bad_dirs;
};

#define broken_chain(v, at, ...)                                                                   \
	do {                                                                                       \
		(v)->bad_chains++;                                                                 \
		exfat_finding((v)->f, "exfat.chains", (v)->subject, OUTCOME_BROKEN, at, __VA_ARGS__); \
	} while (0)
#define broken_dir(v, at, ...)                                                                     \
	do {                                                                                       \
		(v)->bad_dirs++;                                                                   \
		exfat_finding((v)->f, "exfat.directories", (v)->subject, OUTCOME_BROKEN, at,       \
			      __VA_ARGS__);                                                        \
	} while (0)

static const char *path_of(const struct verify *v)
{
	return v->path.length ? text_str(&v->path) : "/";
}

/* What went wrong with a chain or directory: a finding when it is its own fault. */
static int tell(struct verify *v, const char *check, unsigned *bad, struct error *e)
{
	if (e->cls != ERROR_CORRUPT)
		return -1;
	*bad += 1;
	error_prefix(e, "%s", path_of(v));
	finding_error(v->f, PROOF_STRUCTURE, check, v->subject, e);
	return 0;
}

/* Claims a chain: 1 whole, 0 broken and told, -1. */
static int claim(struct verify *v, const struct exfat_chain *c, struct error *e)
{
	struct exfat *fs = v->fs;
	uint64_t want = c->length / fs->cluster + (c->length % fs->cluster != 0), count = 0;
	uint32_t cluster = c->first;
	int rc = exfat_check_chain(fs, c, e);
	if (rc < 0)
		return tell(v, "exfat.chains", &v->bad_chains, e);
	if (!c->first)
		return 1;
	do {
		uint32_t i = cluster - EXFAT_FIRST;
		if (!(count & 0xfff) && v->b && budget_check(v->b, e) < 0)
			return -1;
		if (v->claimed[i / 8] >> i % 8 & 1) {
			broken_chain(v, exfat_place(fs, cluster), "%s: cluster %u belongs to another chain as well, or "
				     "its own is a circle", path_of(v), cluster);
			return 0;
		}
		v->claimed[i / 8] |= (uint8_t)(1u << i % 8);
		v->clusters++;
		count++;
		rc = exfat_follow(fs, c, &cluster, e);
	} while (rc > 0);
	if (rc < 0)
		return tell(v, "exfat.chains", &v->bad_chains, e);
	if (c->length == UINT64_MAX || count == want)
		return 1;
	broken_chain(v, -1, "%s: its %llu bytes take %llu clusters, its chain has %llu", path_of(v),
		     (unsigned long long)c->length, (unsigned long long)want, (unsigned long long)count);
	return 0;
}

static int judge_dir(struct verify *v, const struct exfat_chain *c, unsigned depth, struct error *e);

static int judge_entry(struct verify *v, const struct exfat_entry *it, unsigned depth, struct error *e)
{
	size_t length = v->path.length;
	int rc = 0;
	if (it->kind == EXFAT_OTHER || it->kind == EXFAT_LABEL) {
		if (it->wrong)
			broken_dir(v, it->place, "%s: %s", path_of(v), it->wrong);
		return 0;
	}
	text_printf(&v->path, "%s%s", length ? "/" : "", it->kind == EXFAT_BITMAP ? "allocation bitmap"
		    : it->kind == EXFAT_UPPER ? "up-case table" : it->name);
	if (v->path.failed)
		return error_nomem(e);
	if (it->wrong)
		broken_dir(v, it->place, "%s: %s", path_of(v), it->wrong);
	else if (it->kind <= EXFAT_DIR && exfat_name_hash(v->fs, it->units, it->name_units) != it->name_hash)
		broken_dir(v, it->place, "%s: the hash of its name is wrong", path_of(v));
	if (it->kind == EXFAT_BITMAP || it->kind == EXFAT_UPPER) {
		if (length || depth)
			broken_dir(v, it->place, "%s: a table of the volume in a directory", path_of(v));
		rc = claim(v, &it->data, e);
	} else if (!it->wrong) {
		int64_t t = it->made > it->written ? it->made : it->written;
		if (t > v->newest && t <= v->now)
			v->newest = t;
		v->files += it->kind == EXFAT_FILE;
		rc = it->kind == EXFAT_FILE ? claim(v, &it->data, e) : judge_dir(v, &it->data, depth + 1, e);
	}
	v->path.length = length;
	v->path.data[length] = 0;
	return rc < 0 ? -1 : 0;
}

static int judge_dir(struct verify *v, const struct exfat_chain *c, unsigned depth, struct error *e)
{
	v->dirs++;
	if (depth > EXFAT_MAX_DEPTH)
		return error_budget(e, "budget.depth", "exFAT: directories lie more than %d deep in each other",
				    EXFAT_MAX_DEPTH);
	if (c->length != c->valid || (c->length != UINT64_MAX && c->length > EXFAT_MAX_DIR)) {
		broken_dir(v, -1, "%s: a directory of %llu bytes, %llu of them valid", path_of(v),
			   (unsigned long long)c->length, (unsigned long long)c->valid);
		return 0;
	}
	/* A chain that is shared is not followed: it might lead round and round. */
	int rc = claim(v, c, e);
	if (rc <= 0)
		return rc;
	autofree struct exfat_dir *d = malloc(sizeof *d);
	autofree struct exfat_entry *it = malloc(sizeof *it);
	if (!d || !it)
		return error_nomem(e);
	if (exfat_dir_open(d, v->fs, c, e) < 0)
		return tell(v, "exfat.directories", &v->bad_dirs, e);
	while ((rc = exfat_dir_next(d, it, e)) > 0) {
		if (v->b && budget_check(v->b, e) < 0)
			return -1;
		if (judge_entry(v, it, depth, e) < 0)
			return -1;
	}
	return rc < 0 ? tell(v, "exfat.directories", &v->bad_dirs, e) : 0;
}

/* The bitmap says what is in use; what a file has and it does not, the next write takes away. */
static int judge_bitmap(struct verify *v, struct error *e)
{
	struct exfat *fs = v->fs;
	uint64_t lost = 0, unmarked = 0, first = 0, clusters = fs->limit - EXFAT_FIRST;
	autofree uint8_t *map = exfat_read_chain(fs, &fs->bitmap, 600 * MIB, e);
	if (!map)
		return tell(v, "exfat.chains", &v->bad_chains, e);
	for (uint64_t c = 0; c < clusters; c++) {
		bool mine = v->claimed[c / 8] >> c % 8 & 1, marked = map[c / 8] >> c % 8 & 1;
		if (mine && !marked && !unmarked++)
			first = c + EXFAT_FIRST;
		lost += marked && !mine;
	}
	if (unmarked)
		broken_chain(v, -1,
			     "%llu clusters belong to files, but are free in the allocation bitmap, from %llu on",
			     (unsigned long long)unmarked, (unsigned long long)first);
	if (lost)
		exfat_finding(v->f, "exfat.lost", v->subject, OUTCOME_SKIPPED, -1,
			      "%llu clusters are in use but belong to no file", (unsigned long long)lost);
	return 0;
}

int exfat_verify(void *self, const char *subject, struct findings *f, const struct budget *b, int64_t now,
		 int64_t *newest, struct error *e)
{
	struct exfat *fs = self;
	autofree uint8_t *claimed = calloc(fs->limit / 8 + 1, 1);
	if (!claimed)
		return error_nomem(e);
	struct verify v = {.fs = fs, .subject = subject, .f = f, .b = b, .now = now, .claimed = claimed};
	struct exfat_chain root = {.first = fs->root, .length = UINT64_MAX, .valid = UINT64_MAX};
	int rc = judge_dir(&v, &root, 0, e);
	if (!rc)
		rc = judge_bitmap(&v, e);
	text_free(&v.path);
	*newest = v.newest;
	if (rc < 0)
		return -1;
	if (!v.bad_chains)
		exfat_finding(f, "exfat.chains", subject, OUTCOME_HELD, -1,
			      "%llu files and %llu directories own %llu clusters, each cluster once and marked so",
			      (unsigned long long)v.files, (unsigned long long)v.dirs, (unsigned long long)v.clusters);
	if (!v.bad_dirs)
		exfat_finding(f, "exfat.directories", subject, OUTCOME_HELD, -1,
			      "%llu directories with %llu files; the checksum of each entry holds",
			      (unsigned long long)v.dirs, (unsigned long long)v.files);
	return 0;
}
