// SPDX-License-Identifier: GPL-3.0-or-later
#include "archive_tree.h"

#include "backproof/text.h"
#include "facts.h"
#include "parts.h"

/* A bound on what is kept of one restore point's archives. */
#define KEPT_LIMIT (160 * MIB)
#define FILLED_DEPTH 4

static bool listed(const char *const *wants, const char *path)
{
	for (; *wants; wants++) {
		size_t n = strlen(*wants);
		char last = (*wants)[n - 1];
		if (last == '/' || last == '_' ? !strncmp(path, *wants, n) : !strcmp(path, *wants))
			return true;
	}
	return false;
}

static bool ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);
	return n >= m && !strcmp(s + n - m, suffix);
}

static bool is_boot_config(const char *path)
{
	char dir[256];
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;
	if (!n || n >= sizeof dir)
		return false;
	memcpy(dir, path, n);
	dir[n] = 0;
	return facts_is_boot_config(dir, slash + 1);
}

bool archive_tree_wants(const char *path, bool *data)
{
	size_t count;
	const struct package_database *const *db = package_databases(&count);
	bool wanted = listed(facts_wants, path);
	for (size_t i = 0; i < count && !wanted; i++)
		wanted = listed(db[i]->wants, path);
	*data = wanted && ((strncmp(path, "boot/", 5) && strncmp(path, "efi/", 4)) || is_boot_config(path)) &&
		(strncmp(path, "var/lib/dpkg/info/", 18) || ends(path, ".md5sums") || ends(path, ".list"));
	return wanted;
}

int archive_tree_keep(struct archive_tree *t, const struct fs_entry *entry, char *data, size_t len,
		      struct error *e)
{
	if (t->kept_bytes + len > KEPT_LIMIT) {
		t->incomplete = true;
		free(data);
		return 0;
	}
	char *path = strdup(entry->path);
	struct kept_entry *k = path ? vec_push(&t->kept) : NULL;
	if (!k) {
		free(path);
		return error_nomem(e);
	}
	*k = (struct kept_entry){.path = path,
				 .data = data,
				 .length = len,
				 .size = entry->type == ENTRY_FILE ? entry->size : 0,
				 .order = t->next_order++,
				 .mtime = entry->mtime,
				 .directory = entry->type == ENTRY_DIR};
	t->kept_bytes += len + strlen(path) + sizeof *k;
	return 0;
}

int archive_tree_fill(struct archive_tree *t, const char *path, struct error *e)
{
	char part[1024];
	int depth = 0;
	for (const char *p = strchr(path, '/'); p && depth < FILLED_DEPTH; p = strchr(p + 1, '/'), depth++) {
		size_t n = (size_t)(p - path);
		if (n >= sizeof part)
			break;
		memcpy(part, path, n);
		part[n] = 0;
		/* Members of a directory follow each other: looking at the last few finds most repeats. */
		bool known = false;
		for (size_t i = t->filled.count; i-- > 0 && t->filled.count - i <= 8;)
			known |= !strcmp(t->filled.items[i], part);
		if (!known && strings_add(&t->filled, part) < 0)
			return error_nomem(e);
	}
	return 0;
}

static int by_kept(const void *a, const void *b)
{
	return strcmp(((const struct kept_entry *)a)->path, ((const struct kept_entry *)b)->path);
}

static int by_seen(const void *a, const void *b)
{
	return strcmp(((const struct seen_file *)a)->path, ((const struct seen_file *)b)->path);
}

static int by_kept_order(const void *a, const void *b)
{
	const struct kept_entry *x = a, *y = b;
	int r = by_kept(a, b);
	return r ? r : (x->order > y->order) - (x->order < y->order);
}

static int by_seen_order(const void *a, const void *b)
{
	const struct seen_file *x = a, *y = b;
	int r = by_seen(a, b);
	return r ? r : (x->order > y->order) - (x->order < y->order);
}

static void free_kept(struct kept_entry *k)
{
	free(k->path);
	free(k->data);
}

static void free_seen(struct seen_file *f)
{
	free(f->path);
	free(f->alias);
}

/* "tar r" puts newer copies of a file behind older ones: what a restore leaves is what counts. */
static void sort_kept(struct archive_tree *t)
{
	size_t kept = 0;
	if (t->kept.count)
		qsort(t->kept.items, t->kept.count, sizeof *t->kept.items, by_kept_order);
	for (size_t i = 0; i < t->kept.count; i++)
		if (i + 1 < t->kept.count && !by_kept(&t->kept.items[i], &t->kept.items[i + 1]))
			free_kept(&t->kept.items[i]);
		else
			t->kept.items[kept++] = t->kept.items[i];
	t->kept.count = kept;
}

static void sort_seen(struct archive_tree *t)
{
	size_t kept = 0;
	if (t->seen.count)
		qsort(t->seen.items, t->seen.count, sizeof *t->seen.items, by_seen_order);
	for (size_t i = 0; i < t->seen.count; i++)
		if (i + 1 < t->seen.count && !by_seen(&t->seen.items[i], &t->seen.items[i + 1]))
			free_seen(&t->seen.items[i]);
		else
			t->seen.items[kept++] = t->seen.items[i];
	t->seen.count = kept;
}

static int by_string(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void archive_tree_sort(struct archive_tree *t)
{
	if (t->sorted)
		return;
	sort_kept(t);
	sort_seen(t);
	if (t->filled.count)
		qsort(t->filled.items, t->filled.count, sizeof *t->filled.items, by_string);
	t->sorted = true;
}

const struct seen_file *archive_tree_seen(struct archive_tree *t, const char *path)
{
	struct seen_file key = {.path = (char *)(uintptr_t)path};
	archive_tree_sort(t);
	for (int hops = 0; hops < 8 && t->seen.count; hops++) {
		const struct seen_file *s =
			bsearch(&key, t->seen.items, t->seen.count, sizeof key, by_seen);
		if (!s || !s->alias)
			return s;
		key.path = s->alias;
	}
	return NULL;
}

static int kept_read(void *ctx, const char *path, size_t max, char **data, size_t *len,
		     int64_t *mtime, struct error *e)
{
	struct archive_tree *t = ctx;
	struct kept_entry key = {.path = (char *)(uintptr_t)path};
	archive_tree_sort(t);
	const struct kept_entry *k =
		t->kept.count ? bsearch(&key, t->kept.items, t->kept.count, sizeof key, by_kept) : NULL;
	if (k && (k->data ? k->length : k->size) > max)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "%s: %llu bytes is more than expected", path,
				 (unsigned long long)(k->data ? k->length : k->size));
	if (!k || !k->data)
		return 0;
	*data = malloc(k->length + 1);
	if (!*data)
		return error_nomem(e);
	memcpy(*data, k->data, k->length + 1);
	*len = k->length;
	if (mtime)
		*mtime = k->mtime;
	return 1;
}

static int kept_list(void *ctx, const char *path, struct strings *names, struct error *e)
{
	struct archive_tree *t = ctx;
	size_t n = strlen(path), last_length = 0;
	const char *last = "";
	bool found = false;
	archive_tree_sort(t);
	vec_each(&t->kept, k)
	{
		if (strncmp(k->path, path, n) || k->path[n] != '/')
			continue;
		const char *name = k->path + n + 1;
		size_t len = strcspn(name, "/");
		found = true;
		if (!len || (len == last_length && !strncmp(name, last, len)))
			continue;
		last = name;
		last_length = len;
		autofree char *copy = strndup(name, len);
		if (!copy || strings_add(names, copy) < 0)
			return error_nomem(e);
	}
	return found;
}

struct tree_reader archive_tree_reader(struct archive_tree *t)
{
	return (struct tree_reader){t, kept_read, kept_list};
}

bool subject_archive_holds(const struct subject *s, const char *directory)
{
	if (!s->tree)
		return false;
	archive_tree_sort(s->tree);
	return s->tree->filled.count && bsearch(&directory, s->tree->filled.items, s->tree->filled.count,
						 sizeof directory, by_string);
}

void archive_tree_free(struct archive_tree *t)
{
	if (!t)
		return;
	vec_each(&t->kept, k) free_kept(k);
	vec_each(&t->seen, s) free_seen(s);
	strings_free(&t->hosts);
	free(t->kept.items);
	free(t->seen.items);
	strings_free(&t->filled);
	free(t);
}
