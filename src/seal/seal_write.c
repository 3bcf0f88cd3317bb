// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A seal onto the disk. Its side file bears a part of its digest in its name: so the older pair stays whole until the
 * new seal takes the older one's place, which is one rename. What is left over is swept up by the next one who has the
 * directory to himself.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "backproof/digest.h"
#include "names.h"

#define TEMPORARY ".backproof-seal."
#define LOCK_TRIES 100 /* a tenth of a second each */

/* The directory that a seal is put into. */
struct place {
	int dir;
	bool alone;	  /* no other writes seals there now */
	const char *path; /* of the seal */
	const char *base; /* its name there */
	size_t stem;	  /* length of NAME in it */
	char *old_tree;	  /* name of the older seal's side file, or NULL */
};

static int open_place(struct place *p, struct error *e)
{
	static const struct timespec tenth = {0, 100000000};
	autofree char *dir = seal_beside(p->path, ".");
	if (!dir)
		return error_nomem(e);
	p->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->dir < 0)
		return error_sys(e, "%s", dir);
	int rc = flock(p->dir, LOCK_EX | LOCK_NB);
	/* Where directories can't be locked, nothing is swept up. */
	for (int i = 0; rc < 0 && errno == EWOULDBLOCK && i < LOCK_TRIES; i++) {
		nanosleep(&tenth, NULL);
		rc = flock(p->dir, LOCK_EX | LOCK_NB);
	}
	p->alone = rc == 0;
	return 0;
}

/* A new file, which nobody looks at yet. The name in its directory. */
static int open_temporary(const struct place *p, char name[64], struct error *e)
{
	snprintf(name, 64, TEMPORARY "%016llx.tmp", (unsigned long long)rng_fresh_seed());
	int fd = openat(p->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	return fd < 0 ? error_sys(e, "%s: a file beside it", p->path) : fd;
}

/*
 * The file as it is under that name, and on the disk. 0: it is; -1: what stood there still does; -2: it stands there,
 * and perhaps not yet on the disk.
 */
static int put_in_place(const struct place *p, int *fd, const char *temporary, const char *name, struct error *e)
{
	int it = *fd;
	*fd = -1;
	int rc = fsync(it) < 0 ? error_sys(e, "%s", name) : 0;
	/* A network file system may tell only now. */
	if (close(it) < 0 && rc == 0)
		rc = error_sys(e, "%s", name);
	if (rc == 0 && renameat(p->dir, temporary, p->dir, name) < 0)
		rc = error_sys(e, "%s", name);
	if (rc == 0 && fsync(p->dir) < 0 && errno != EINVAL)
		return error_sys(e, "%s: its directory", name) - 1;
	return rc;
}

static int write_tree(const struct place *p, struct seal *s, const struct chunks *const *chunks, struct error *e)
{
	char temporary[64];
	if (seal_tree_place(s, chunks, e) < 0)
		return -1;
	free(take(s->tree_name));
	if (!s->tree_size)
		return 0;
	autoclose int fd = open_temporary(p, temporary, e);
	if (fd < 0)
		return -1;
	int rc = seal_tree_write(s, chunks, fd, p->path, e);
	if (rc == 0 && !(s->tree_name = seal_tree_name(p->base, p->stem, s->tree_sha256)))
		rc = error_nomem(e);
	if (rc == 0)
		rc = put_in_place(p, &fd, temporary, s->tree_name, e);
	if (rc < 0)
		unlinkat(p->dir, temporary, 0);
	return rc;
}

static int write_text(int fd, const struct text *t, const char *path, struct error *e)
{
	for (size_t at = 0; at < t->length;) {
		ssize_t n = write(fd, t->data + at, t->length - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_sys(e, "%s", path);
		at += (size_t)n;
	}
	return 0;
}

/* What nobody could read is not written. */
static int proof_read(const struct text *envelope, const struct seal *s, struct error *e)
{
	struct envelope x;
	struct seal back;
	if (envelope->length > SEAL_MAX)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "the seal would be too large: %zu bytes",
				 envelope->length);
	if (envelope_read(envelope->data, envelope->length, STATEMENT_TYPE, NULL, &x, e) < 0)
		return -1;
	int rc = seal_parse(x.payload, x.length, &back, e);
	envelope_free(&x);
	if (rc < 0)
		return error_prefix(e, "the seal that was made can't be read");
	bool same = back.files.count == s->files.count && back.tree_size == s->tree_size;
	seal_free(&back);
	return same ? 0 : error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "the seal that was made says something else");
}

static int write_seal(const struct place *p, const struct seal *s, const struct signer *key, struct error *e)
{
	autotext struct text statement = {0}, envelope = {0};
	struct error why = {0};
	char temporary[64];
	if (seal_statement(s, &statement, e) < 0 ||
	    envelope_write(STATEMENT_TYPE, statement.data, statement.length, key, &envelope, e) < 0)
		return -1;
	if (proof_read(&envelope, s, &why) < 0) {
		*e = why;
		return -1;
	}
	autoclose int fd = open_temporary(p, temporary, e);
	if (fd < 0)
		return -1;
	int rc = write_text(fd, &envelope, p->path, e);
	if (rc == 0)
		rc = put_in_place(p, &fd, temporary, p->base, e);
	if (rc == -1)
		unlinkat(p->dir, temporary, 0);
	return rc;
}

/* The older seal says which side file is its own; no other name is believed. */
static void find_old_tree(struct place *p)
{
	struct seal old;
	if (seal_load(p->path, NULL, &old, NULL) < 0)
		return;
	if (old.tree_name && seal_owns_tree(p->base, p->stem, old.tree_name))
		p->old_tree = take(old.tree_name);
	seal_free(&old);
}

static void sweep_up(const struct place *p, const char *tree)
{
	if (p->old_tree && (!tree || strcmp(p->old_tree, tree)))
		unlinkat(p->dir, p->old_tree, 0);
	int copy = p->alone ? openat(p->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	if (!d) {
		close_auto(&copy);
		return;
	}
	for (struct dirent *it; (it = readdir(d));)
		if (!strncmp(it->d_name, TEMPORARY, strlen(TEMPORARY)) ||
		    (seal_owns_tree(p->base, p->stem, it->d_name) && (!tree || strcmp(it->d_name, tree))))
			unlinkat(p->dir, it->d_name, 0);
	closedir(d);
}

int seal_write(struct seal *s, const struct chunks *const *chunks, const struct signer *key, const char *path,
	       struct error *e)
{
	struct place p = {.dir = -1, .path = path};
	p.stem = seal_stem(path, &p.base);
	int rc = open_place(&p, e);
	if (rc == 0) {
		find_old_tree(&p);
		rc = write_tree(&p, s, chunks, e);
	}
	if (rc == 0)
		rc = write_seal(&p, s, key, e);
	if (rc == -1 && s->tree_name && (!p.old_tree || strcmp(p.old_tree, s->tree_name)))
		unlinkat(p.dir, s->tree_name, 0);
	if (rc == 0)
		sweep_up(&p, s->tree_name);
	free(p.old_tree);
	close_auto(&p.dir);
	return rc < 0 ? -1 : 0;
}
