// SPDX-License-Identifier: GPL-3.0-or-later
/* FAT12, FAT16 and FAT32 as a row of the registry. Nothing changes after open: any thread may read. */
#include <sys/stat.h>

#include "fat.h"
#include "walk.h"

static void fat_destroy(void *self)
{
	struct fat *fs = self;
	if (!fs)
		return;
	fat_table_close(fs);
	free(fs);
}
static void fat_auto(struct fat **p)
{
	fat_destroy(*p);
}

/* The label in the root directory wins over that of the boot sector, as everywhere else. */
static int find_label(struct fat *fs, struct fs_info *info, struct error *e)
{
	autofree struct fat_dir *d = malloc(sizeof *d);
	autofree struct fat_entry *it = malloc(sizeof *it);
	if (!d || !it)
		return error_nomem(e);
	memcpy(info->label, fs->label, sizeof fs->label);
	int rc = fat_dir_open(d, fs, 0, e);
	while (!rc && (rc = fat_dir_next(d, it, e)) > 0) {
		if (it->kind == FAT_LABEL && strcmp(it->name, "NO NAME")) {
			memcpy(info->label, it->name, sizeof fs->label);
			rc = 0;
			break;
		}
		rc = 0;
	}
	/* A root directory that can't be read is the walk's to tell. */
	if (rc < 0 && (!e || e->cls == ERROR_CORRUPT))
		rc = 0;
	for (size_t n = strlen(info->label); n && info->label[n - 1] == ' '; n--)
		info->label[n - 1] = 0;
	return rc;
}

static int fat_open(struct source *src, const char *subject, struct findings *f, void **self,
		    struct fs_info *info, struct error *e)
{
	uint8_t b[512];
	unsigned bad = 0;
	if (source_size(src) < sizeof b)
		return error_set(e, ERROR_CORRUPT, 0, "FAT: there is no whole boot sector");
	if (source_read_at(src, 0, b, sizeof b, e) < 0)
		return -1;
	autodestroy(fat_auto) struct fat *fs = calloc(1, sizeof *fs);
	if (!fs)
		return error_nomem(e);
	fs->src = src;
	memset(info, 0, sizeof *info);
	if (fat_parse(fs, b, source_size(src), e) < 0 || fat_table_open(fs, e) < 0 ||
	    fat_judge_boot(fs, b, subject, f, info, &bad, e) < 0 || find_label(fs, info, e) < 0)
		return -1;
	snprintf(info->type, sizeof info->type, "vfat");
	memcpy(info->uuid, fs->uuid, sizeof fs->uuid);
	info->size = fs->size;
	info->block_size = fs->cluster;
	if (!info->free && fs->table)
		for (uint32_t c = FIRST_CLUSTER, v; c < fs->limit; c++)
			info->free += !fat_entry_at(fs, c, &v, e) && !v ? fs->cluster : 0;
	if (!bad)
		fat_finding(f, "fat.boot", subject, OUTCOME_HELD, 0,
			    "FAT%u of %u clusters of %u bytes%s", fs->bits, fs->limit - FIRST_CLUSTER,
			    fs->cluster, fs->backup_sector ? "; the backup boot sector agrees" : "");
	*self = take(fs);
	return 0;
}

static void root_entry(struct fat_entry *out)
{
	memset(out, 0, sizeof *out);
	out->kind = FAT_DIR;
	out->place = ROOT_ID;
}

static bool named(const struct fat_entry *it, const char *name, size_t len)
{
	char short_name[64];
	if (fat_same_name(it->name, name, len))
		return true;
	fat_short_name(it->raw, short_name);
	return fat_same_name(short_name, name, len);
}

/* 1 found, 0 not, -1. The root comes out with cluster 0. */
static int find_entry(struct fat *fs, const char *path, struct fat_entry *out, struct error *e)
{
	autofree struct fat_dir *d = malloc(sizeof *d);
	if (!d)
		return error_nomem(e);
	root_entry(out);
	for (;;) {
		path += strspn(path, "/");
		if (!*path)
			return 1;
		size_t len = strcspn(path, "/");
		if (out->kind != FAT_DIR || (!out->cluster && out->place != ROOT_ID))
			return 0;
		if (fat_dir_open(d, fs, out->cluster, e) < 0)
			return -1;
		int rc;
		while ((rc = fat_dir_next(d, out, e)) > 0)
			if ((out->kind == FAT_FILE || out->kind == FAT_DIR) && named(out, path, len))
				break;
		if (rc <= 0)
			return rc;
		path += len;
	}
}

static int fat_lookup(void *self, const char *path, bool follow, struct fs_entry *out,
		      struct error *e)
{
	autofree struct fat_entry *it = malloc(sizeof *it);
	(void)follow;
	if (!it)
		return error_nomem(e);
	int rc = find_entry(self, path, it, e);
	if (rc == 1)
		fat_show(self, it, out);
	return rc;
}

struct tour {
	struct walk w;
	struct fat *fs;
	uint8_t *seen; /* a bit a cluster: a directory that is met twice would have no end */
};

static void tour_free(struct tour *t)
{
	walk_free(&t->w);
	free(t->seen);
}

static int see_chain(struct tour *t, uint32_t cluster, struct error *e)
{
	int rc;
	if (!cluster)
		return 0;
	do {
		if (cluster < FIRST_CLUSTER || cluster >= t->fs->limit)
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
					 "FAT: %s begins at cluster %u, which does not exist",
					 text_str(&t->w.path), cluster);
		if (t->seen[cluster / 8] >> cluster % 8 & 1)
			return error_set(e, ERROR_CORRUPT, (int64_t)fat_entry_place(t->fs, cluster),
					 "FAT: cluster %u of the directory %s belongs to a directory "
					 "already seen",
					 cluster, text_str(&t->w.path));
		t->seen[cluster / 8] |= (uint8_t)(1u << cluster % 8);
		rc = fat_follow(t->fs, &cluster, e);
	} while (rc > 0);
	return rc;
}

static int tour_dir(struct tour *t, uint32_t cluster, unsigned depth, struct error *e)
{
	struct walk *w = &t->w;
	autofree struct fat_dir *d = malloc(sizeof *d);
	autofree struct fat_entry *it = malloc(sizeof *it);
	size_t length = w->path.length;
	int rc;
	if (!d || !it)
		return error_nomem(e);
	if (depth > MAX_DEPTH)
		return error_budget(e, "budget.depth", "FAT: directories lie more than %d deep in each other",
				    MAX_DEPTH);
	if (budget_depth(w->b, depth, e) < 0)
		return -1;
	if (see_chain(t, cluster ? cluster : t->fs->root_cluster, e) < 0 ||
	    fat_dir_open(d, t->fs, cluster, e) < 0)
		return -1;
	while ((rc = fat_dir_next(d, it, e)) > 0) {
		struct fs_entry shown;
		if (it->kind != FAT_FILE && it->kind != FAT_DIR)
			continue;
		if (walk_count(w, e) < 0 || walk_name(w, it->name, strlen(it->name), e) < 0)
			return -1;
		fat_show(t->fs, it, &shown);
		shown.path = text_str(&w->path);
		rc = w->visit(w->ctx, &shown, e);
		if (!rc && it->kind == FAT_DIR)
			rc = it->cluster ? tour_dir(t, it->cluster, depth + 1, e)
					 : error_set(e, ERROR_CORRUPT, (int64_t)it->place,
						     "FAT: the directory %s has no cluster",
						     shown.path);
		if (rc)
			return rc;
		walk_cut(w, length);
	}
	return rc;
}

static int fat_walk(void *self, const char *path, const struct budget *b, fs_visit_fn *visit,
		    void *ctx, struct error *e)
{
	struct fat *fs = self;
	autofree struct fat_entry *top = malloc(sizeof *top);
	struct tour t autodestroy(tour_free) = {
		.w = {.who = "FAT: ", .b = b, .visit = visit, .ctx = ctx}, .fs = fs};
	t.seen = calloc(fs->limit / 8 + 1, 1);
	if (!top || !t.seen)
		return error_nomem(e);
	int rc = find_entry(fs, path, top, e);
	if (rc < 0)
		return -1;
	if (!rc || top->kind != FAT_DIR || (!top->cluster && top->place != ROOT_ID))
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: no such directory",
				 path + strspn(path, "/"));
	rc = walk_start(&t.w, path, e) < 0 ? -1 : tour_dir(&t, top->cluster, 0, e);
	return rc < 0 ? -1 : 0;
}

static struct stream *fat_open_file(void *self, uint64_t id, struct error *e)
{
	struct fat *fs = self;
	uint8_t raw[32];
	autofree struct fat_entry *it = malloc(sizeof *it);
	if (!it) {
		error_nomem(e);
		return NULL;
	}
	if (id < fs->root_at || id % 32) {
		error_set(e, ERROR_CORRUPT, (int64_t)id, "FAT: there is no directory entry here");
		return NULL;
	}
	if (source_read_at(fs->src, id, raw, sizeof raw, e) < 0)
		return NULL;
	fat_entry_fill(fs, raw, NULL, id, it);
	return fat_open_entry(fs, it, e);
}

static char *fat_read_link(void *self, uint64_t id, struct error *e)
{
	(void)self;
	error_set(e, ERROR_CORRUPT, (int64_t)id, "FAT has no symbolic links");
	return NULL;
}

static const char *const types[] = {"vfat", "msdos", NULL};
const struct fs_ops fs_fat = {
	.name = "fat",
	.types = types,
	.open = fat_open,
	.verify = fat_verify,
	.walk = fat_walk,
	.lookup = fat_lookup,
	.open_file = fat_open_file,
	.read_link = fat_read_link,
	.destroy = fat_destroy,
};
