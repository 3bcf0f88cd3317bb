// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A history as anybody could have left it. Whatever is in the file: every question ends, with an answer or an error; a
 * file that is refused is not touched; chunks that come out give the digest that they came with; patches and waivers
 * are of the host that was asked for, and in force when they are said to be; and no lease is given beyond its places.
 */
#include <sys/stat.h>

#include "backproof/ledger.h"
#include "mutate.h"

static char *path, *wal, *shm;

static void clean_up(void)
{
	unlink(path);
	unlink(wal);
	unlink(shm);
	*strrchr(path, '/') = 0;
	rmdir(path);
}

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
	NEED(atexit(clean_up) == 0);
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

#define NOW INT64_C(1795302610)

static int visit_patch(void *ctx, const struct patch_record *r, struct error *e)
{
	const char *host = ctx;
	(void)e;
	NEED(r->id > 0 && r->host && *r->host && r->command.count && (!host || !strcmp(host, r->host)));
	NEED(!r->code == !r->waiver && r->code < 22 && r->started_at >= 0 && r->ended_at >= 0);
	NEED(r->state <= PROGRAM_FAILED && r->post_state <= PROGRAM_FAILED && r->status >= 0 && r->post_status >= 0);
	for (size_t i = 0; i < r->files.count; i++)
		NEED(r->files.items[i].path && !r->files.items[i].chunks);
	return 0;
}

static int visit_waiver(void *ctx, const struct waiver *w, struct error *e)
{
	const char *host = ctx;
	(void)e;
	NEED(w->id > 0 && w->host && w->reason && *w->reason && w->user && (!host || !strcmp(host, w->host)));
	NEED(w->recorded_at > 0 && w->recorded_at < w->ends_at);
	if (host)
		NEED(w->recorded_at <= NOW && NOW < w->ends_at && !w->ended_at);
	return 0;
}

static void ask_ledger(struct history *h)
{
	struct error e;
	struct patch_record r;
	char *why, host[] = "web01";
	(void)!history_patches(h, NULL, 300, visit_patch, NULL, &e);
	(void)!history_patches(h, host, 300, visit_patch, host, &e);
	if (history_patch(h, 1, &r, &e) == 1) {
		NEED(r.id == 1);
		patch_record_free(&r);
	}
	(void)!history_waivers(h, NULL, 0, visit_waiver, NULL, &e);
	(void)!history_waivers(h, host, NOW, visit_waiver, host, &e);
	if (history_suspect(h, host, "web01.img", 0, &why, &e) == 1)
		free(why);
}

/* What is written lands, or is said not to; and places that are taken are not given twice. */
static void change_ledger(struct history *h)
{
	struct error e;
	size_t ended;
	struct lease a, b;
	char host[] = "web01", word[] = "true", *words[] = {word};
	struct patch_record r = {.host = host, .command = {words, 1, 1}, .state = PROGRAM_RUNNING, .started_at = NOW};
	struct waiver w = {.host = host, .reason = word, .user = word, .recorded_at = NOW, .ends_at = NOW + 5};
	if (history_patch_begin(h, &r, &e) == 0) {
		r.state = PROGRAM_EXITED;
		(void)!history_patch_update(h, &r, &e);
	}
	if (history_waiver_add(h, &w, &e) == 0)
		(void)!history_waiver_sign(h, w.id, "{}", &e);
	(void)!history_waivers_end(h, host, NOW, "x", &ended, &e);
	(void)!history_suspect_add(h, host, "x", "y", NULL, NOW, &e);
	int first = history_lease_take(h, "group new", 1, "x", NOW, &a, &e);
	if (first < 0)
		return;
	int second = history_lease_take(h, "group new", 1, "x", NOW, &b, &e);
	NEED(!(first == 1 && second == 1));
	if (second >= 0)
		lease_free(&b);
	if (first == 1) {
		(void)!history_lease_renew(h, &a, NOW, &e);
		(void)!history_lease_drop(h, &a, &e);
	}
	lease_free(&a);
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
	ask_ledger(h);
}

static void put(const uint8_t *data, size_t size)
{
	unlink(path);
	unlink(wal);
	unlink(shm);
	FILE *f = fopen(path, "w");
	NEED(f && fwrite(data, 1, size, f) == size && fclose(f) == 0);
}

/* The file begins as it did, and ends there, too, if it was whole. */
static void is_untouched(const uint8_t *data, size_t size, bool whole)
{
	uint8_t *p = malloc(size + 1);
	FILE *f = fopen(path, "r");
	NEED(p && f);
	size_t got = fread(p, 1, size + 1, f);
	NEED((whole ? got == size : got >= size) && !memcmp(p, data, size));
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
		is_untouched(data, size, true);
		return 0;
	}
	h = history_open(path, HISTORY_WRITE, &e);
	if (h) {
		struct history_record r = {.host = strdup("web01"), .checked_at = 5, .depth = 2};
		NEED(r.host);
		(void)!history_add(h, &r, &e);
		history_record_free(&r);
		change_ledger(h);
		use(h);
	} else if (e.cls == ERROR_CORRUPT && size >= 100 && access(wal, F_OK) < 0 && get_be32(data + 60) == 2) {
		/* Of a piece of a page at the end SQLite makes a page, and leaves it; no page of the database is there. */
		size_t page = get_be16(data + 16) == 1 ? 64 * KIB : get_be16(data + 16);
		size_t pages = page ? size / page * page : size;
		is_untouched(data, pages, pages == size);
	}
	history_destroy(h);
	return 0;
}

MUTATE_MAIN(1000, "fixtures/history/*.db")
