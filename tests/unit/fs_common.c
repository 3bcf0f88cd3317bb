// SPDX-License-Identifier: GPL-3.0-or-later
/* What readers of file systems share: directories that are kept, paths that are followed, trees that are gone through. */
#include <sys/stat.h>

#include "../../src/fs/dirs.h"
#include "../../src/fs/lookup.h"
#include "../../src/fs/walk.h"
#include "backproof/budget.h"
#include "backproof/fs.h"
#include "fixture.h"

static char dir[] = "/tmp/backproof-fs-XXXXXX";
static struct error why;
static uint8_t *data;
static size_t size;
static struct source *src;
static struct fs *fs;
static struct findings findings;

static void sh(const char *fmt, const char *a, const char *b)
{
	char command[2000];
	snprintf(command, sizeof command, fmt, a, b, a, b);
	NEED(system(command) == 0);
}

static void open_tree(const char *commands)
{
	char path[300];
	sh("cd %s && rm -rf tree ext && mkdir tree && cd tree && %s && cd .. && "
	   "mke2fs -q -F -t ext4 -b 1024 -N 3000 -O ^has_journal -d tree ext 6M 2>/dev/null", dir, commands);
	snprintf(path, sizeof path, "%s/ext", dir);
	data = fixture_file(path, &size);
	NEED(data && findings_init(&findings) == 0);
	src = source_memory(data, size, "image", &why);
	NEED(src);
	fs = fs_open("ext4", src, "image", &findings, &why);
	NEED(fs);
}

static void close_tree(void)
{
	fs_destroy(fs);
	source_destroy(src);
	findings_free(&findings);
	free(data);
}

/* Directories: number n has n names, "0" ... , the last of which is of inode n. */
static unsigned filled;

static int fill(void *ctx, struct dirs_one *one, struct error *e)
{
	unsigned count = *(unsigned *)ctx;
	filled++;
	if (count == 13)
		return error_set(e, ERROR_CORRUPT, 13, "an unlucky directory");
	for (unsigned i = 0; i < count; i++) {
		char name[256];
		int n = snprintf(name, sizeof name, "%0*u", count > 1000 ? 250 : 3, i);
		if (dirs_put(one, i + 1, name, (uint8_t)n, e) < 0)
			return -1;
	}
	return 0;
}

static int find(struct dirs *d, uint64_t id, unsigned count, const char *name, uint64_t *out)
{
	return dirs_find(d, id, fill, &count, name, strlen(name), out, &why);
}

static void test_dirs(void)
{
	uint64_t inode = 0;
	struct dirs *d = dirs_new(&why);
	NEED(d);
	dirs_destroy(NULL);
	CHECK_INT(find(d, 1, 0, "x", &inode), 0); /* empty */
	CHECK_INT(find(d, 2, 10, "007", &inode), 1);
	CHECK_INT(inode, 8);
	CHECK_INT(find(d, 2, 10, "0070", &inode), 0);
	CHECK_INT(find(d, 2, 10, "00", &inode), 0);
	CHECK_INT(filled, 2); /* kept */
	CHECK_INT(find(d, 3, 13, "000", &inode), -1);
	CHECK_INT(why.cls, ERROR_CORRUPT);
	CHECK_INT(find(d, 3, 13, "000", &inode), -1); /* what failed is not kept */
	CHECK_INT(filled, 4);
	/* More than there is room for: the oldest go, the newest answers. */
	for (uint64_t id = 100; id < 200; id++) {
		CHECK_INT(find(d, id, 3, "002", &inode), 1);
		CHECK_INT(find(d, id, 3, "003", &inode), 0);
	}
	CHECK_INT(filled, 104);
	CHECK_INT(find(d, 100, 3, "001", &inode), 1);
	CHECK_INT(filled, 105);
	/* 25 MiB of names: it is not kept beside others, yet it answers. */
	char last[256];
	snprintf(last, sizeof last, "%0250u", 99999u);
	CHECK_INT(find(d, 900, 100000, last, &inode), 1);
	CHECK_INT(inode, 100000);
	CHECK_INT(find(d, 199, 3, "001", &inode), 1);
	CHECK_INT(filled, 107);
	dirs_destroy(d);
}

static int look(const char *path, bool follow)
{
	struct fs_entry it;
	memset(&why, 0, sizeof why);
	return fs_lookup(fs, path, follow, &it, &why);
}

static void test_lookup(void)
{
	static char path[10000];
	open_tree("mkdir -p a/b && echo x >a/b/file && ln -s loop2 loop1 && ln -s loop1 loop2 && ln -s ../a/./b up &&"
		  "ln -s /a/b/file abs && ln -s gone dangling && ln -s file/x a/b/through &&"
		  "for i in $(seq 45); do ln -s chain$((i + 1)) chain$i; done && echo end >chain46");
	CHECK_INT(look("a/b/file", true), 1);
	CHECK_INT(look("/a//b/../b/./file", true), 1);
	CHECK_INT(look("../../a/b/file", true), 1); /* above the root is the root */
	CHECK_INT(look("a/b/file/x", true), 0);
	CHECK_INT(look("a/c/file", true), 0);
	CHECK_INT(look("up/file", true), 1);
	CHECK_INT(look("abs", true), 1);
	CHECK_INT(look("dangling", true), 0);
	CHECK_INT(look("dangling", false), 1);
	CHECK_INT(look("a/b/through", true), 0);
	CHECK_INT(look("chain10", true), 1);
	/* No path that ends: nothing is found, or it is said. */
	CHECK(look("loop1", true) != 1);
	CHECK_INT(look("loop1", false), 1);
	CHECK(look("chain1", true) != 1);
	memset(path, '/', sizeof path - 1);
	memcpy(path + sizeof path - 6, "a/b/f", 5);
	CHECK(look(path, true) != 1);
	memset(path, 'x', sizeof path - 1);
	CHECK(look(path, true) != 1);
	close_tree();
}

static int count_entry(void *ctx, const struct fs_entry *it, struct error *e)
{
	(void)e;
	++*(int *)ctx;
	return strcmp(it->path, "stop") ? 0 : 1;
}

static int fail_entry(void *ctx, const struct fs_entry *it, struct error *e)
{
	(void)ctx, (void)it;
	return error_set(e, ERROR_BUSY, ERROR_NO_OFFSET, "no more");
}

static void test_walk(void)
{
	struct budget b;
	int n = 0;
	budget_init(&b);
	open_tree("mkdir -p d/e/f/g && for i in $(seq 1300); do mkdir many$i; done");
	CHECK_INT(fs_walk(fs, "", &b, count_entry, &n, &why), 0);
	CHECK_INT(n, 1300 + 4 + 1); /* and lost+found */
	n = 0;
	CHECK_INT(fs_walk(fs, "d//", NULL, count_entry, &n, &why), 0);
	CHECK_INT(n, 3);
	n = 0;
	CHECK_INT(fs_walk(fs, "none", NULL, count_entry, &n, &why), -1); /* that it is there is known before */
	CHECK_INT(n, 0);
	CHECK_INT(fs_walk(fs, "", NULL, fail_entry, NULL, &why), -1);
	CHECK_INT(why.cls, ERROR_BUSY);
	b.max_entries = 100;
	CHECK_INT(fs_walk(fs, "", &b, count_entry, &n, &why), -1);
	CHECK_INT(why.cls, ERROR_LIMIT);
	CHECK_STR(why.budget, "budget.entries");
	b.max_entries = 0;
	b.max_path_depth = 3;
	CHECK_INT(fs_walk(fs, "", &b, count_entry, &n, &why), -1);
	CHECK_INT(why.cls, ERROR_LIMIT);
	CHECK_STR(why.budget, "budget.depth");
	b.max_path_depth = 0;
	b.deadline_ns = 1;
	CHECK_INT(fs_walk(fs, "", &b, count_entry, &n, &why), -1);
	CHECK_INT(why.cls, ERROR_LIMIT);
	close_tree();
}

static void test_read_file(void)
{
	char *text = NULL;
	size_t len = 0;
	open_tree("mkdir a && echo hello >a/file && ln -s a/file link && : >empty");
	CHECK_INT(fs_read_file(fs, "link", 100, &text, &len, &why), 1);
	CHECK_STR(text, "hello\n");
	CHECK_INT(len, 6);
	free(text);
	CHECK_INT(fs_read_file(fs, "empty", 0, &text, &len, &why), 1);
	CHECK(len == 0 && !*text);
	free(text);
	CHECK_INT(fs_read_file(fs, "a", 100, &text, &len, &why), 0);
	CHECK_INT(fs_read_file(fs, "b", 100, &text, &len, &why), 0);
	CHECK_INT(fs_read_file(fs, "a/file", 5, &text, &len, &why), -1);
	CHECK_INT(why.cls, ERROR_LIMIT);
	/* What this file system has none of. */
	CHECK(!fs_has_subvolumes(fs));
	CHECK_INT(fs_subvolumes(fs, NULL, NULL, &why), 0);
	CHECK(!fs_open_subvolume(fs, "x", 0, &why));
	CHECK_INT(why.cls, ERROR_UNSUPPORTED);
	CHECK_INT(fs_scrub(fs, &findings, NULL, &why), 0);
	CHECK_STR(fs_subject(fs), "image");
	struct fs *none = fs_open("no such", src, "image", &findings, &why);
	CHECK(!none);
	CHECK_INT(why.cls, ERROR_UNSUPPORTED);
	/* The directory of it gone bad. */
	uint8_t *name = memmem(data, size, "file", 4);
	for (; name; name = memmem(name + 1, size - (size_t)(name + 1 - data), "file", 4))
		*name = 'F';
	fs_destroy(fs);
	fs = fs_open("ext4", src, "image", &findings, &why);
	NEED(fs);
	CHECK_INT(fs_read_file(fs, "a/file", 100, &text, &len, &why), -1);
	CHECK_INT(why.cls, ERROR_CORRUPT);
	close_tree();
}

/*
 * A tree of numbers: 0 the root, 1 a directory in it, 2 a file in that, 3 a link. What fails, fails with the call whose
 * turn it is.
 */
static struct {
	uint64_t at;
	unsigned calls, fail;
	const char *target;
} toy;

static int toy_fails(struct error *e)
{
	return ++toy.calls == toy.fail ? error_set(e, ERROR_IO, ERROR_NO_OFFSET, "its turn") : 0;
}

static int toy_go(void *at, const void *node, enum entry_type *type, struct error *e)
{
	(void)at;
	memcpy(&toy.at, node, sizeof toy.at);
	*type = toy.at == 3 ? ENTRY_LINK : toy.at == 2 ? ENTRY_FILE : ENTRY_DIR;
	return toy_fails(e);
}

static int toy_find(void *at, const char *name, size_t len, void *node, struct error *e)
{
	static const char *const names[] = {"", "dir", "file", "link"};
	(void)at;
	for (uint64_t n = 1; n < ARRAY_SIZE(names); n++)
		if (strlen(names[n]) == len && !memcmp(names[n], name, len)) {
			memcpy(node, &n, sizeof n);
			return toy_fails(e) < 0 ? -1 : 1;
		}
	return 0;
}

static char *toy_target(void *at, struct error *e)
{
	(void)at;
	return toy_fails(e) < 0 ? NULL : strdup(toy.target);
}

static int toy_look(size_t path_max, const char *endless, const char *target, const char *path, unsigned fail)
{
	const struct lookup_ops ops = {sizeof(uint64_t), path_max, endless, toy_go, toy_find, toy_target};
	static const uint64_t root;
	memset(&why, 0, sizeof why);
	toy.calls = 0;
	toy.fail = fail;
	toy.target = target;
	return lookup_path(&ops, NULL, &root, path, true, &why);
}

static void test_toy_lookup(void)
{
	static const char path[] = "dir/../dir/link/../dir/file";
	CHECK_INT(toy_look(0, NULL, "/dir", path, 0), 1);
	CHECK_INT(toy.at, 2);
	unsigned all = toy.calls;
	for (unsigned n = 1; n <= all; n++) {
		CHECK_INT(toy_look(0, NULL, "/dir", path, n), -1);
		CHECK_INT(why.cls, ERROR_IO);
	}
	/* Links without end: there is none, or the reader tells. */
	CHECK_INT(toy_look(0, NULL, "link", "link", 0), 0);
	CHECK_INT(toy_look(0, "toy", "link", "link", 0), -1);
	CHECK(why.cls == ERROR_CORRUPT && strstr(why.text, "too many links"));
	/* Paths that are too long, as given or by a link. */
	CHECK_INT(toy_look(10, NULL, "dir", "dir/file", 0), 1);
	CHECK_INT(toy_look(7, NULL, "dir", "dir/file", 0), 0);
	CHECK_INT(toy_look(10, NULL, "dir/dir/dir", "link", 0), 0);
	CHECK_INT(toy_look(10, NULL, "dir", "link/..", 0), 1);
	CHECK_INT(toy_look(0, NULL, "dir", "dir/.x", 0), 0);
	CHECK_INT(toy_look(0, NULL, "dir", "dir/..x", 0), 0);
}

static unsigned toy_shown;

static int toy_show(struct walk *w, void *at, uint64_t number, struct fs_entry *out, struct error *e)
{
	(void)w;
	*(uint64_t *)at = number;
	*out = (struct fs_entry){.id = number, .type = number < 5 ? ENTRY_DIR : ENTRY_FILE};
	return number == toy.fail ? error_set(e, ERROR_IO, ERROR_NO_OFFSET, "its turn") : 0;
}

/* Five directories in each other. */
static int toy_list(struct walk *w, void *at, struct error *e)
{
	return walk_keep(w, *(uint64_t *)at + 1, "a name", 6, e);
}

static int toy_visit(void *ctx, const struct fs_entry *it, struct error *e)
{
	(void)ctx, (void)it, (void)e;
	toy_shown++;
	return 0;
}

static int toy_walk(size_t path_max, unsigned fail, const char *path)
{
	static const struct walk_ops ops = {toy_show, toy_list};
	struct walk w autodestroy(walk_free) = {.who = "toy: ", .path_max = path_max, .visit = toy_visit};
	uint64_t at = 0;
	toy.fail = fail;
	toy_shown = 0;
	memset(&why, 0, sizeof why);
	return walk_start(&w, path, &why) < 0 ? -1 : walk_tree(&w, &ops, &at, &why);
}

static void test_toy_walk(void)
{
	CHECK_INT(toy_walk(0, 0, ""), 0);
	CHECK_INT(toy_shown, 5);
	CHECK_INT(toy_walk(0, 0, "//above/"), 0);
	CHECK(toy_walk(20, 0, "") < 0 && why.cls == ERROR_LIMIT && toy_shown == 3);
	for (unsigned n = 1; n <= 5; n++)
		CHECK(toy_walk(0, n, "") < 0 && why.cls == ERROR_IO && toy_shown == n - 1);
}

int main(void)
{
	NEED(mkdtemp(dir));
	RUN(test_dirs);
	RUN(test_lookup);
	RUN(test_walk);
	RUN(test_toy_lookup);
	RUN(test_toy_walk);
	RUN(test_read_file);
	sh("rm -rf %s%s", dir, "");
	return test_done();
}
