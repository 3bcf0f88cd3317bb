// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A seal takes the place of an older one while the Nth allocation, write, sync or rename fails, for every N: what is
 * there afterwards is the older pair or the new one, and the new one where it is said to be. Then both are read while
 * allocations fail: a pair that could not be read is never taken for good. The calls are wrapped by the linker.
 */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "backproof/seal.h"
#include "backproof/sweep.h"
#include "test.h"

enum kind { ALLOCATION, WRITE, SYNC, RENAME, KINDS };
static uint64_t calls[KINDS + 1], fail_at;
static enum kind failing;

static bool fails(enum kind k)
{
	if (++calls[k] != fail_at || failing != k)
		return false;
	errno = k == ALLOCATION ? ENOMEM : k == WRITE ? ENOSPC : EIO;
	return true;
}

#include "wrap.h"
WRAP_MEMORY(ALLOCATION)
WRAP(WRITE, ssize_t, -1, write, (int fd, const void *p, size_t n), (fd, p, n))
WRAP(SYNC, int, -1, fsync, (int fd), (fd))
WRAP(RENAME, int, -1, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to))
/* Not made here, and wrapped all the same. */
WRAP_FILES(KINDS, KINDS, KINDS)

static char dir[64], path[96];
static struct error e;

/* Of data that is another for each salt. */
struct made {
	struct seal seal;
	struct chunks *chunks;
};

static void make(struct made *m, unsigned salt)
{
	static uint8_t data[3 * MERKLE_CHUNK + 5];
	struct sweep w = {.mask = 1u << DIGEST_SHA256 | 1u << DIGEST_FSVERITY, .observer = chunks_observe};
	memset(m, 0, sizeof *m);
	memset(data, (int)salt, sizeof data);
	NEED(w.ctx = m->chunks = chunks_new(&e));
	struct source *src = source_memory(data, sizeof data, "x", &e);
	NEED(src && sweep_source(src, &w, &e) == 0);
	source_destroy(src);
	struct seal_file *x = vec_push(&m->seal.files);
	struct seal_entry *y = vec_push(&m->seal.entries);
	NEED(x && y && (x->name = strdup("web01.img")) && (y->path = strdup("/etc/fstab")));
	x->size = sizeof data;
	memcpy(x->sha256, w.digests[DIGEST_SHA256], 32);
	memcpy(x->fsverity, w.digests[DIGEST_FSVERITY], 32);
	m->seal.sealed_at = 1790000000 + (int64_t)salt;
}

static void unmake(struct made *m)
{
	seal_free(&m->seal);
	chunks_destroy(m->chunks);
}

static int put(struct made *m)
{
	const struct chunks *all[] = {m->chunks};
	return seal_write(&m->seal, all, NULL, path, &e);
}

/* The salt of the pair that is there; -1: there is none that can be read. */
static int64_t found(void)
{
	struct seal s;
	struct chunks **tree = NULL;
	if (seal_load(path, NULL, &s, &e) < 0)
		return -1;
	int64_t salt = s.sealed_at - 1790000000;
	if (seal_tree_load(&s, &tree, &e) < 0)
		salt = -1;
	else
		seal_tree_free(tree, s.files.count);
	seal_free(&s);
	return salt;
}

static size_t files_there(void)
{
	size_t n = 0;
	DIR *d = opendir(dir);
	NEED(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void begin(enum kind k, uint64_t n)
{
	memset(calls, 0, sizeof calls);
	failing = k;
	fail_at = n;
}

static void replace_with(enum kind k)
{
	for (uint64_t n = 1; n < 10000; n++) {
		struct made old, new;
		make(&old, 1);
		make(&new, 2);
		begin(KINDS, 0);
		NEED(put(&old) == 0);
		begin(k, n);
		int rc = put(&new);
		bool done = calls[k] < n;
		begin(KINDS, 0);
		int64_t salt = found();
		CHECK(salt == 1 || salt == 2);
		if (rc == 0)
			CHECK_INT(salt, 2);
		CHECK(!done || rc == 0);
		/* What could not be swept up is, by the next one. */
		NEED(put(&new) == 0);
		CHECK_INT(files_there(), 2);
		unmake(&old);
		unmake(&new);
		if (done) {
			CHECK(n > 2);
			return;
		}
	}
	NEED(!"ever done");
}

static void allocations(void)
{
	replace_with(ALLOCATION);
}

static void writes(void)
{
	replace_with(WRITE);
}

static void syncs(void)
{
	replace_with(SYNC);
}

static void renames(void)
{
	replace_with(RENAME);
}

static void reads(void)
{
	struct made m;
	make(&m, 3);
	begin(KINDS, 0);
	NEED(put(&m) == 0);
	unmake(&m);
	for (uint64_t n = 1; n < 10000; n++) {
		begin(ALLOCATION, n);
		int64_t salt = found();
		bool done = calls[ALLOCATION] < n;
		begin(KINDS, 0);
		CHECK(salt == (done ? 3 : -1) || salt == 3);
		if (salt < 0)
			CHECK(e.cls != ERROR_NONE);
		if (done)
			return;
	}
	NEED(!"ever done");
}

int main(void)
{
	char command[128];
	snprintf(dir, sizeof dir, "%s/backproof-fault-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	NEED(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/web01.img.seal", dir);
	RUN(allocations);
	RUN(writes);
	RUN(syncs);
	RUN(renames);
	RUN(reads);
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command) || test_done();
}
