// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A history as anybody could have left it. Whatever is in the file: every question ends, with an answer or an error; a
 * file that is refused is not touched; and chunks that come out give the digest that they came with.
 */
#include <sys/stat.h>

#include "backproof/history.h"
#include "mutate.h"

static char *path, *wal, *shm;

static void set_up(void)
{
	static char top[] = "/tmp/fuzz-history-XXXXXX";
	if (path)
		return;
	/* In memory where that can be: each run waits for the disk several times. */
	static char quick[] = "/dev/shm/fuzz-history-XXXXXX";
	char *dir = mkdtemp(quick) ? quick : mkdtemp(top);
	NEED(dir && asprintf(&path, "%s/h.db", dir) > 0);
	NEED(asprintf(&wal, "%s-wal", path) > 0 && asprintf(&shm, "%s-shm", path) > 0);
}

static void clean_up(void)
{
	if (!path)
		return;
	unlink(path);
	unlink(wal);
	unlink(shm);
	*strrchr(path, '/') = 0;
	rmdir(path);
}

static int visit(void *ctx, const struct history_record *r, struct error *e)
{
	size_t *n = ctx;
	(void)e;
	NEED(r->host && r->checked_at >= 0 && r->sketch_count <= SKETCH_SIZE);
	for (size_t i = 0; i < r->files.count; i++)
		NEED(r->files.items[i].path && !r->files.items[i].chunks);
	return ++*n > 300;
}

static void ask(struct history *h, const char *host, const struct history_file *now)
{
	struct history_file out;
	struct error e;
	uint8_t digest[MERKLE_HASH];
	int64_t at;
	char *label;
	if (history_full_proof(h, host, now, &out, &at, &e) == 1) {
		NEED(!strcmp(out.path, now->path) && out.size == now->size && out.inode == now->inode);
		if (out.chunks)
			NEED(chunks_digest(out.chunks, out.size, digest, &e) == 0 &&
			     !memcmp(digest, out.fsverity, sizeof digest));
		history_file_free(&out);
	}
	if (history_first_seen(h, host, now, &out, &at, &e) == 1)
		history_file_free(&out);
	if (history_same_content(h, host, now, &label, &at, &e) == 1)
		free(label);
}

static void use(struct history *h)
{
	struct error e;
	size_t n = 0;
	char *name = NULL, *next;
	struct history_file now = {.path = (char *)(uintptr_t)"/b/web01.img", .size = 3 << 20, .device = 5, .inode = 77,
				   .mtime_ns = 1001, .ctime_ns = 2001};
	(void)!history_each(h, NULL, 0, visit, &n, &e);
	for (int i = 0; i < 20 && history_next_host(h, name, &next, &e) == 1; i++) {
		free(name);
		name = next;
		n = 0;
		(void)!history_each(h, name, 3, visit, &n, &e);
		ask(h, name, &now);
	}
	free(name);
	ask(h, "web01", &now);
	now.has_fsverity = true;
	ask(h, "web01", &now);
}

static void put(const uint8_t *data, size_t size)
{
	unlink(path);
	unlink(wal);
	unlink(shm);
	FILE *f = fopen(path, "w");
	NEED(f && fwrite(data, 1, size, f) == size && fclose(f) == 0);
}

static void is_untouched(const uint8_t *data, size_t size)
{
	uint8_t *p = malloc(size + 1);
	FILE *f = fopen(path, "r");
	NEED(p && f && fread(p, 1, size + 1, f) == size && !memcmp(p, data, size));
	fclose(f);
	free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error e = {0};
	set_up();
	put(data, size);
	struct history *h = history_open(path, HISTORY_READ, &e);
	if (h)
		use(h);
	else
		NEED(e.cls != ERROR_NONE && e.text[0]);
	history_destroy(h);
	/* An application id that is not ours: nothing is written, whatever else it is. */
	if (size >= 100 && memcmp(data + 68, "\x42\x50\x72\x66", 4)) {
		NEED(!h);
		NEED(!history_open(path, HISTORY_WRITE, &e));
		is_untouched(data, size);
		return 0;
	}
	h = history_open(path, HISTORY_WRITE, &e);
	if (h) {
		struct history_record r = {.host = strdup("web01"), .checked_at = 5, .depth = 2};
		NEED(r.host);
		(void)!history_add(h, &r, &e);
		history_record_free(&r);
		use(h);
	} else if (e.cls == ERROR_CORRUPT && size >= 100 && access(wal, F_OK) < 0 && get_be32(data + 60) == 2) {
		is_untouched(data, size);
	}
	history_destroy(h);
	return 0;
}

#ifndef BACKPROOF_LIBFUZZER
__attribute__((destructor)) static void last(void)
{
	clean_up();
}
#endif

MUTATE_MAIN(1000, "fixtures/history/*.db")
