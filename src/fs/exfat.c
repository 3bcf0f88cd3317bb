// SPDX-License-Identifier: GPL-3.0-or-later
/* exFAT as a row of the registry. Nothing changes after open: any thread may read. */
#include "exfat.h"
#include "walk.h"

#define FLAG_DIRTY 2u
#define FLAG_FAILURE 4u

static void exfat_destroy(void *self)
{
	struct exfat *fs = self;
	if (!fs)
		return;
	source_destroy(fs->fat_source);
	free(fs->upper);
	free(fs);
}
static void exfat_auto(struct exfat **p)
{
	exfat_destroy(*p);
}

static struct exfat_chain root_chain(const struct exfat *fs)
{
	return (struct exfat_chain){.first = fs->root, .length = UINT64_MAX, .valid = UINT64_MAX};
}

/* Bitmap, table and label stand in the root directory. */
static int find_tables(struct exfat *fs, struct error *e)
{
	autofree struct exfat_dir *d = malloc(sizeof *d);
	autofree struct exfat_entry *it = malloc(sizeof *it);
	struct exfat_chain root = root_chain(fs);
	int rc;
	if (!d || !it)
		return error_nomem(e);
	if (exfat_dir_open(d, fs, &root, e) < 0)
		return -1;
	while ((rc = exfat_dir_next(d, it, e)) > 0) {
		if (it->kind == EXFAT_BITMAP && (it->attributes & 1) == fs->active && !fs->has_bitmap) {
			fs->bitmap = it->data;
			fs->has_bitmap = true;
		} else if (it->kind == EXFAT_UPPER && !fs->has_upper) {
			fs->upper_chain = it->data;
			fs->upper_sum = it->table_sum;
			fs->has_upper = true;
		} else if (it->kind == EXFAT_LABEL) {
			memcpy(fs->label, it->name, sizeof fs->label - 1);
		}
	}
	if (rc < 0)
		return error_prefix(e, "root directory");
	if (!fs->has_bitmap || fs->bitmap.length < (fs->limit - EXFAT_FIRST + UINT64_C(7)) / 8)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "exFAT: the allocation bitmap is %s",
				 fs->has_bitmap ? "too short" : "missing");
	return exfat_open_upper(fs, e);
}

static int count_free(struct exfat *fs, struct fs_info *info, struct error *e)
{
	autofree uint8_t *map = exfat_read_chain(fs, &fs->bitmap, 600 * MIB, e);
	uint64_t used = 0, clusters = fs->limit - EXFAT_FIRST;
	if (!map)
		return error_prefix(e, "allocation bitmap");
	for (uint64_t i = 0; i < clusters / 8; i++)
		used += (unsigned)__builtin_popcount(map[i]);
	for (uint64_t c = clusters / 8 * 8; c < clusters; c++)
		used += map[c / 8] >> c % 8 & 1;
	info->free = (clusters - used) * fs->cluster;
	return 0;
}

static int exfat_open(struct source *src, const char *subject, struct findings *f, void **self,
		      struct fs_info *info, struct error *e)
{
	unsigned bad = 0;
	memset(info, 0, sizeof *info);
	autodestroy(exfat_auto) struct exfat *fs = calloc(1, sizeof *fs);
	if (!fs)
		return error_nomem(e);
	fs->src = src;
	if (exfat_open_boot(fs, subject, f, &bad, e) < 0)
		return -1;
	fs->fat_source = source_cached(src, 64 * KIB, 64, e);
	if (!fs->fat_source || find_tables(fs, e) < 0 || count_free(fs, info, e) < 0)
		return -1;
	snprintf(info->type, sizeof info->type, "exfat");
	snprintf(info->uuid, sizeof info->uuid, "%04X-%04X", fs->serial >> 16, fs->serial & 0xffff);
	memcpy(info->label, fs->label, sizeof fs->label);
	info->size = fs->size;
	info->block_size = fs->cluster;
	info->clean = !(fs->flags & FLAG_DIRTY);
	info->errors = fs->flags & FLAG_FAILURE;
	info->unlogged = !info->clean;
	if (!info->clean)
		exfat_finding(f, "exfat.state", subject, OUTCOME_SKIPPED, 106,
			      "was mounted for writing, or not unmounted, when the image was taken");
	if (info->errors)
		exfat_finding(f, "exfat.state", subject, OUTCOME_SKIPPED, 106,
			      "a system marked it as having had read or write errors");
	if (!bad)
		exfat_finding(f, "exfat.boot", subject, OUTCOME_HELD, 0,
			      "exFAT of %u clusters of %u bytes; the checksums of boot region and up-case table hold",
			      fs->limit - EXFAT_FIRST, fs->cluster);
	*self = take(fs);
	return 0;
}

static void root_entry(const struct exfat *fs, struct exfat_entry *out)
{
	memset(out, 0, sizeof *out);
	out->kind = EXFAT_DIR;
	out->id = out->place = EXFAT_ROOT_ID;
	out->data = root_chain(fs);
}

static int find_entry(struct exfat *fs, const char *path, struct exfat_entry *out, struct error *e)
{
	autofree struct exfat_dir *d = malloc(sizeof *d);
	if (!d)
		return error_nomem(e);
	root_entry(fs, out);
	for (;;) {
		path += strspn(path, "/");
		if (!*path)
			return 1;
		size_t len = strcspn(path, "/");
		if (out->kind != EXFAT_DIR)
			return 0;
		struct exfat_chain c = out->data;
		if (exfat_dir_open(d, fs, &c, e) < 0)
			return -1;
		int rc;
		while ((rc = exfat_dir_next(d, out, e)) > 0)
			if ((out->kind == EXFAT_FILE || out->kind == EXFAT_DIR) && out->name_units &&
			    exfat_same_name(fs, out, path, len))
				break;
		if (rc <= 0)
			return rc;
		if (out->wrong)
			return error_set(e, ERROR_CORRUPT, (int64_t)out->place, "exFAT: %s: %s", out->name,
					 out->wrong);
		path += len;
	}
}

static int exfat_lookup(void *self, const char *path, bool follow, struct fs_entry *out, struct error *e)
{
	autofree struct exfat_entry *it = malloc(sizeof *it);
	(void)follow;
	if (!it)
		return error_nomem(e);
	int rc = find_entry(self, path, it, e);
	if (rc == 1)
		exfat_show(self, it, out);
	return rc;
}

struct tour {
	struct walk w;
	struct exfat *fs;
};

static void tour_free(struct tour *t)
{
	walk_free(&t->w);
}

static int tour_dir(struct tour *t, const struct exfat_chain *c, unsigned depth, struct error *e);

static int tour_entry(struct tour *t, const struct exfat_entry *it, unsigned depth, struct error *e)
{
	struct walk *w = &t->w;
	struct fs_entry shown;
	size_t length = w->path.length;
	if (it->wrong)
		return error_set(e, ERROR_CORRUPT, (int64_t)it->place, "exFAT: %s/%s: %s", text_str(&w->path),
				 it->name, it->wrong);
	if (it->kind != EXFAT_FILE && it->kind != EXFAT_DIR)
		return 0;
	if (walk_count(w, e) < 0 || walk_name(w, it->name, strlen(it->name), e) < 0)
		return -1;
	exfat_show(t->fs, it, &shown);
	shown.path = text_str(&w->path);
	int rc = w->visit(w->ctx, &shown, e);
	if (!rc && it->kind == EXFAT_DIR)
		rc = tour_dir(t, &it->data, depth + 1, e);
	walk_cut(w, length);
	return rc;
}

static int tour_dir(struct tour *t, const struct exfat_chain *c, unsigned depth, struct error *e)
{
	autofree struct exfat_dir *d = malloc(sizeof *d);
	autofree struct exfat_entry *it = malloc(sizeof *it);
	const char *path = text_str(&t->w.path);
	int rc;
	if (!d || !it)
		return error_nomem(e);
	if (exfat_dir_open(d, t->fs, c, e) < 0)
		return error_prefix(e, "%s", path);
	if (depth > EXFAT_MAX_DEPTH)
		return error_budget(e, "budget.depth", "exFAT: directories lie more than %d deep in each other",
				    EXFAT_MAX_DEPTH);
	if (budget_depth(t->w.b, depth, e) < 0)
		return -1;
	/* One cluster is enough: two directories that meet later are the verification's to tell. */
	if (c->first && (rc = walk_see(&t->w, c->first, e)) <= 0)
		return rc < 0 ? -1
			      : error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
					  "exFAT: %s: is a directory already seen", path);
	while ((rc = exfat_dir_next(d, it, e)) > 0)
		if ((rc = tour_entry(t, it, depth, e)) != 0)
			return rc;
	return rc;
}

static int exfat_walk(void *self, const char *path, const struct budget *b, fs_visit_fn *visit, void *ctx,
		      struct error *e)
{
	struct exfat *fs = self;
	struct tour t autodestroy(tour_free) = {
		.w = {.who = "exFAT: ", .b = b, .visit = visit, .ctx = ctx}, .fs = fs};
	autofree struct exfat_entry *top = malloc(sizeof *top);
	if (!top)
		return error_nomem(e);
	int rc = find_entry(fs, path, top, e);
	if (rc < 0)
		return -1;
	if (!rc || top->kind != EXFAT_DIR)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: no such directory",
				 path + strspn(path, "/"));
	rc = walk_start(&t.w, path, e) < 0 ? -1 : tour_dir(&t, &top->data, 0, e);
	return rc < 0 ? -1 : 0;
}

static struct stream *exfat_open_file(void *self, uint64_t id, struct error *e)
{
	struct exfat *fs = self;
	struct exfat_chain c;
	uint8_t raw[32] = {0};
	if (id >= fs->heap_at && !(id % 32) && source_read_at(fs->src, id, raw, sizeof raw, e) < 0)
		return NULL;
	if (raw[0] != 0xc0) {
		error_set(e, ERROR_CORRUPT, (int64_t)id, "exFAT: there is no entry of a file here");
		return NULL;
	}
	exfat_take_stream(raw, &c);
	return exfat_open_chain(fs, &c, e);
}

static char *exfat_read_link(void *self, uint64_t id, struct error *e)
{
	(void)self;
	error_set(e, ERROR_CORRUPT, (int64_t)id, "exFAT has no symbolic links");
	return NULL;
}

static const char *const types[] = {"exfat", NULL};
const struct fs_ops fs_exfat = {
	.name = "exfat",
	.types = types,
	.open = exfat_open,
	.verify = exfat_verify,
	.walk = exfat_walk,
	.lookup = exfat_lookup,
	.open_file = exfat_open_file,
	.read_link = exfat_read_link,
	.destroy = exfat_destroy,
};
