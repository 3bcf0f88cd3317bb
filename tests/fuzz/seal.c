// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Hostile seals: what is accepted says nothing that could lead out of its directory or beyond its side file, and says
 * the same after it was written again. The input is a statement; a side file follows it after a NUL.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "backproof/seal.h"
#include "mutate.h"

static char path[64];

static void write_down(const char *to, const void *data, size_t size)
{
	int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size || close(fd) < 0)
		abort();
}

static void make_directory(void)
{
	if (*path)
		return;
	snprintf(path, sizeof path, "/tmp/backproof-fuzz-seal-%d", (int)getpid());
	if (mkdir(path, 0700) < 0)
		abort();
}

static void leave(void)
{
	char command[128];
	snprintf(command, sizeof command, "rm -rf %s", path);
	if (*path)
		(void)!system(command);
}

static void look_at(const struct seal *s)
{
	uint64_t first = 0;
	if (!s->files.count || s->sealed_at <= 0)
		abort();
	for (size_t i = 0; i < s->files.count; i++) {
		const struct seal_file *x = &s->files.items[i];
		if (!*x->name || strchr(x->name, '/') || strchr(x->name, '\n') || !strcmp(x->name, "..") ||
		    x->first != first || x->chunks != chunks_of_size(x->size))
			abort();
		first += x->chunks;
	}
	if (first != 0 && (!s->tree_name || strchr(s->tree_name, '/') || s->tree_size != 8 + 32 * first ||
			   s->tree_size > SEAL_TREE_MAX))
		abort();
	vec_each(&s->volumes, v) if (v->offset > INT64_MAX || v->size > INT64_MAX - v->offset) abort();
	vec_each(&s->entries, x) if (x->path[0] != '/') abort();
}

static void write_again(const struct seal *s)
{
	autotext struct text one = {0}, two = {0};
	struct seal back;
	struct error e;
	if (seal_statement(s, &one, &e) < 0 || seal_parse(one.data, one.length, &back, &e) < 0 ||
	    seal_statement(&back, &two, &e) < 0 || strcmp(one.data, two.data))
		abort();
	seal_free(&back);
}

/* Whatever the side file holds: what is taken gives the digests. */
static void load_tree(struct seal *s, const uint8_t *tree, size_t size)
{
	char file[400];
	struct chunks **all = NULL;
	struct error e;
	make_directory();
	snprintf(file, sizeof file, "%s/%s", path, s->tree_name);
	write_down(file, tree, size);
	free(s->path);
	s->path = text_format("%s/x.seal", path);
	if (seal_tree_load(s, &all, &e) == 0) {
		uint8_t digest[32];
		for (size_t i = 0; i < s->files.count; i++)
			if (s->files.items[i].chunks &&
			    (chunks_digest(all[i], s->files.items[i].size, digest, &e) < 0 ||
			     memcmp(digest, s->files.items[i].fsverity, 32)))
				abort();
		seal_tree_free(all, s->files.count);
	}
	unlink(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seal s;
	struct error e = {.cls = ERROR_NONE};
	struct envelope x;
	const uint8_t *end = memchr(data, 0, size);
	size_t n = end ? (size_t)(end - data) : size;
	if (seal_parse((const char *)data, n, &s, &e) == 0) {
		look_at(&s);
		write_again(&s);
		if (s.tree_name)
			load_tree(&s, data + (end ? n + 1 : n), end ? size - n - 1 : 0);
		seal_free(&s);
	} else if (e.cls == ERROR_NONE || !e.text[0]) {
		abort();
	}
	if (envelope_read((const char *)data, size, STATEMENT_TYPE, NULL, &x, &e) == 0)
		envelope_free(&x);
	static bool registered;
	if (!registered)
		registered = atexit(leave) == 0;
	return 0;
}

MUTATE_MAIN(20000, "fixtures/seal/*.in")
