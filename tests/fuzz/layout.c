// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A directory of backups as anybody could have left it: names and small files of every layout. What is found lies
 * below it, is there, and is told twice alike; what is refused has a reason. The sidecars beside are read, too.
 */
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "backproof/sidecar.h"
#include "files.h"
#include "mutate.h"

static char root[64];

static int drop(const char *path, const struct stat *st, int type, struct FTW *w)
{
	(void)st, (void)type;
	return w->level ? remove(path) : 0;
}

static void empty(void)
{
	NEED(nftw(root, drop, 16, FTW_DEPTH | FTW_PHYS) == 0);
}

static void leave(void)
{
	empty();
	rmdir(root);
}

static void prepare(void)
{
	if (*root)
		return;
	snprintf(root, sizeof root, "%s/layout-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	NEED(mkdtemp(root));
	atexit(leave);
}

/* What can't be a file (a directory is there, a name is too long) is left out. */
static void put(const struct input_file *f, int64_t mtime)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", root, f->name);
	for (char *s = path + strlen(root) + 1; (s = strchr(s, '/')); s++) {
		*s = 0;
		mkdir(path, 0700);
		*s = '/';
	}
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	const struct timespec times[2] = {{.tv_sec = mtime}, {.tv_sec = mtime}};
	NEED(write(fd, f->data, f->size) == (ssize_t)f->size && futimens(fd, times) == 0);
	close(fd);
}

static void demand_reason(int rc, const struct error *e)
{
	if (rc < 0 && (e->cls == ERROR_NONE || e->cls == ERROR_INTERNAL || !e->text[0])) {
		fprintf(stderr, "refused without a reason: %s\n", e->text);
		abort();
	}
}

static uint64_t look_at(struct catalog *c)
{
	uint64_t sum = c->count;
	size_t n = strlen(root);
	struct stat st;
	vec_each(c, p)
	{
		if (!p->label || p->named_from > p->named_to)
			abort();
		sum = sum * 31 + hash_bytes(p->label, strlen(p->label)) + (uint64_t)p->order;
		for (size_t i = 0; !p->todo && i < p->count; i++) {
			const char *path = p->items[i].path;
			if (strncmp(path, root, n) || path[n] != '/' || strstr(path, "/../") || lstat(path, &st) < 0 ||
			    S_ISDIR(st.st_mode)) {
				fprintf(stderr, "not a file of it: %s\n", path);
				abort();
			}
			sum = sum * 31 + hash_bytes(path, strlen(path));
		}
	}
	return sum;
}

static void sidecars(const struct catalog *c)
{
	struct sidecars s = {0};
	struct findings f;
	struct error e = {0};
	if (!c->count || c->items[0].todo)
		return;
	NEED(findings_init(&f) == 0);
	NEED(sidecars_load(&c->items[0], &s, &f, &e) == 0);
	for (size_t i = 0; i < s.count; i++)
		if (s.items[i].file >= c->items[0].count || s.items[i].kind >= DIGEST_KINDS)
			abort();
	sidecars_free(&s);
	findings_free(&f);
}

static uint64_t ask(const char *layout, const char *match, const char *owner)
{
	static const char *const hosts[] = {"web01", "db01.example.com"};
	struct repository r = {(char *)(uintptr_t)"r", root, (char *)(uintptr_t)layout, (char *)(uintptr_t)match,
			       (char *)(uintptr_t)owner};
	struct error e = {0};
	uint64_t sum = 0;
	autodestroy(catalog_index_destroy_auto) struct catalog_index *x = catalog_index_open(&r, NULL, &e);
	demand_reason(x ? 0 : -1, &e);
	for (size_t i = 0; x && i < ARRAY_SIZE(hosts); i++) {
		struct catalog c = {0};
		e = (struct error){0};
		int rc = catalog_index_find(x, hosts[i], &c, &e);
		demand_reason(rc, &e);
		for (size_t k = 0; rc == 0 && k < c.count && k < 8; k++)
			demand_reason(catalog_settle(&c, k, &e), &e);
		sum = sum * 31 + look_at(&c) + (uint64_t)rc;
		if (rc == 0)
			sidecars(&c);
		catalog_free(&c);
	}
	return sum;
}

static uint64_t ask_all(void)
{
	static const char *const layouts[] = {"libvirt", "ova", "windows-image", "vzdump", "clonezilla"};
	struct catalog c = {0};
	struct strings paths = {0};
	struct error e = {0};
	uint64_t sum = ask("files", "{host}*", NULL) + ask("files", "{host}/{date}/{disk}.*", NULL) +
		       ask("files", "*/{disk}-{part}.*", "web01");
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		NEED(catalog_has_layout(layouts[i]));
		sum = sum * 31 + ask(layouts[i], NULL, NULL);
		sum = sum * 31 + ask(layouts[i], NULL, "web01");
	}
	NEED(strings_add(&paths, root) == 0);
	int rc = catalog_from_paths(&paths, "web01", &c, &e);
	rc = rc ? rc : catalog_settle(&c, 0, &e);
	demand_reason(rc, &e);
	sum = sum * 31 + look_at(&c);
	if (rc == 0)
		sidecars(&c);
	catalog_free(&c);
	strings_free(&paths);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct input_files in;
	prepare();
	files_split(data, size, &in);
	for (size_t i = 0; i < in.count; i++)
		put(&in.items[i], 1760000000 + (int64_t)i * 1000);
	uint64_t once = ask_all();
	if (size % 8 == 0 && ask_all() != once)
		abort();
	empty();
	return 0;
}

MUTATE_MAIN(250, "tests/fuzz/corpus/layout/*")
