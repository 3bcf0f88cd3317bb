// SPDX-License-Identifier: GPL-3.0-or-later
/* Hostile package databases: each file of each in turn is the input, the others are small and sound. Of
 * rpm's, where SQLite opens one, a package's header is the input. */
#include "../../src/sample/witness/rpm.h"
#include "mutate.h"

static const struct {
	const char *path, *text;
} sound[] = {
	{"var/lib/dpkg/status", "Package: a\nStatus: install ok installed\nArchitecture: all\n"
				"Conffiles:\n /etc/a 00000000000000000000000000000000\n"},
	{"var/lib/dpkg/info/a.list", "/usr/bin/a\n/etc/a\n"},
	{"var/lib/dpkg/info/a.md5sums", "00000000000000000000000000000000  usr/bin/a\n"},
	{"var/lib/dpkg/diversions", "/usr/bin/a\n/usr/bin/a.x\nb\n"},
	{"var/lib/dpkg/status.d/a.md5sums", "00000000000000000000000000000000  usr/bin/a\n"},
	{"var/lib/pacman/local/a-1/mtree",
	 "#mtree\n./usr/a time=1 size=1 md5digest=00000000000000000000000000000000\n"},
	{"var/lib/pacman/local/a-1/files", "%BACKUP%\nusr/a\tx\n"},
	{"lib/apk/db/installed", "P:a\nF:bin\nR:a\nZ:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"},
};

struct input {
	const uint8_t *data;
	size_t size, which;
};

static int tree_read(void *ctx, const char *path, size_t max, char **data, size_t *len,
		     int64_t *mtime, struct error *e)
{
	const struct input *in = ctx;
	for (size_t i = 0; i < ARRAY_SIZE(sound); i++) {
		if (strcmp(sound[i].path, path))
			continue;
		bool ours = i == in->which;
		*len = ours ? in->size : strlen(sound[i].text);
		if (*len > max)
			return error_set(e, ERROR_LIMIT, 0, "too large");
		*data = malloc(*len + 1);
		if (!*data)
			abort();
		memcpy(*data, ours ? (const char *)in->data : sound[i].text, *len);
		(*data)[*len] = 0;
		*mtime = 1700000000;
		return 1;
	}
	return 0;
}

static int tree_list(void *ctx, const char *path, struct strings *names, struct error *e)
{
	bool found = false;
	size_t n = strlen(path);
	(void)ctx;
	for (size_t i = 0; i < ARRAY_SIZE(sound); i++) {
		if (strncmp(sound[i].path, path, n) || sound[i].path[n] != '/')
			continue;
		char name[64];
		snprintf(name, sizeof name, "%.*s", (int)strcspn(sound[i].path + n + 1, "/"),
			 sound[i].path + n + 1);
		found = true;
		if (strings_add(names, name) < 0)
			return error_nomem(e);
	}
	return found;
}

/* What a path may be, whatever the database says. */
static void judge(struct vouchers *v)
{
	vec_each(v, x)
	{
		if (!*x->path || *x->path == '/' || x->kind >= DIGEST_KINDS ||
		    !strncmp(x->path, "../", 3) || strstr(x->path, "/../"))
			abort();
		(void)vouched_mismatch(x, 1, 1, true);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t count;
	const struct package_database *const *db = package_databases(&count);
	for (size_t which = 0; which < ARRAY_SIZE(sound); which++)
		for (size_t i = 0; i < count; i++) {
			struct input in = {data, size, which};
			struct tree_reader t = {&in, tree_read, tree_list};
			struct vouchers v = {.items = NULL};
			struct error e = {.cls = ERROR_NONE};
			int rc = db[i]->load(&t, &v, &e);
			if (rc < 0 && (!e.text[0] || e.cls == ERROR_INTERNAL))
				abort();
			judge(&v);
			vouchers_free(&v);
		}
	for (int kind = 0; kind < 3; kind++) {
		struct vouchers v = {.items = NULL};
		struct error e = {.cls = ERROR_NONE};
		uint8_t *copy = malloc(size + !size);
		if (!copy)
			abort();
		memcpy(copy, data, size);
		int rc = kind == 0   ? rpm_add_header(&v, copy, size, &e)
			 : kind == 1 ? rpm_read_bdb(copy, size, &v, &e)
				     : rpm_read_ndb(copy, size, &v, &e);
		if (rc < 0 && (!e.text[0] || e.cls == ERROR_INTERNAL))
			abort();
		judge(&v);
		vouchers_free(&v);
		free(copy);
	}
	return 0;
}

MUTATE_MAIN(3000, "fixtures/package/dpkg/var/lib/dpkg/status", "fixtures/package/dpkg/var/lib/dpkg/diversions",
	    "fixtures/package/dpkg/var/lib/dpkg/info/*", "fixtures/package/apk/lib/apk/db/installed",
	    "fixtures/package/pacman/var/lib/pacman/local/*/mtree",
	    "fixtures/package/pacman/var/lib/pacman/local/*/files", "fixtures/package/rpm/*")
