// SPDX-License-Identifier: GPL-3.0-or-later
/* For the tests of codecs: texts, and what the real tools make of them, in a folder of their own.
 */
#ifndef CODEC_MAKE_H
#define CODEC_MAKE_H

#include "../src/codec/gzip.h"
#include "../src/codec/rows.h"
#include "codec_support.h"
#include "test.h"

static const size_t sizes[] = {1, 7, 4096, MIB};
static char work[64];

static void store(const char *name, const void *data, size_t len)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", work, name);
	FILE *f = fopen(path, "wb");
	NEED(f && fwrite(data, 1, len, f) == len && fclose(f) == 0);
}

/* Text, then bytes without any order, then zeros: each decoder's kinds of blocks. */
static void make_plain(const char *name, size_t size)
{
	struct rng rng = {42};
	autobytes struct bytes all = {0};
	while (all.length < size) {
		char line[64];
		uint64_t r = rng_next(&rng);
		size_t part = all.length * 8 / size;
		if (part < 5)
			snprintf(line, sizeof line, "%zu: inode %llu\n", all.length,
				 (unsigned long long)(r % 4096));
		size_t n = part < 5 ? strlen(line) : 8;
		bytes_put(&all,
			  part < 5    ? (void *)line
			  : part == 7 ? (void *)"\0\0\0\0\0\0\0"
				      : &r,
			  n);
	}
	all.length = size;
	char half[32];
	store(name, all.data, size);
	snprintf(half, sizeof half, "%s.a", name);
	store(half, all.data, size / 3);
	snprintf(half, sizeof half, "%s.b", name);
	store(half, all.data + size / 3, size - size / 3);
}

/*
 * Runs a command over one of the texts: $P, or its parts $A and $B. What it writes to standard
 * output goes into out.
 */
static void make(const char *command, const char *plain, struct bytes *out)
{
	char all[1024];
	snprintf(all, sizeof all, "cd %s && P=%s A=%s.a B=%s.b && { %s\n} >out && test -s out",
		 work, plain, plain, plain, command);
	int rc = system(all);
	if (rc != 0)
		fprintf(stderr, "failed: %s\n", command);
	NEED(rc == 0);
	snprintf(all, sizeof all, "%s/out", work);
	out->length = 0;
	NEED(bytes_load(out, all) == 0);
}

static void load(const char *name, struct bytes *out)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", work, name);
	out->length = 0;
	NEED(bytes_load(out, path) == 0);
}

/* The rows that decode with another library than the registered one come along. */
static size_t variants(const struct format *codec, const struct format *out[3])
{
	size_t n = 0;
	if (codec != &codec_gzip) {
		out[n++] = codec;
		return codec->decode ? n : 0;
	}
#ifdef HAVE_LIBISAL
	out[n++] = &codec_gzip_isal;
#endif
#ifdef HAVE_ZLIB
	out[n++] = &codec_gzip_zlib;
#endif
	return n;
}

static inline bool says(const struct result *r, enum error_class cls, const char *text)
{
	bool right = !r->finished && r->error.cls == cls && strstr(r->error.text, text);
	if (!right)
		fprintf(stderr, "%s: %s (wanted %s: ...%s...)\n",
			r->finished ? "finished" : error_class_name(r->error.cls), r->error.text,
			error_class_name(cls), text);
	return right;
}

static void work_begin(void)
{
	const char *tmp = getenv("TMPDIR");
	snprintf(work, sizeof work, "%.40s/codec-XXXXXX", tmp ? tmp : "/tmp");
	NEED(mkdtemp(work));
	make_plain("tiny", 300);
	make_plain("small", 5000);
	make_plain("large", 400000);
}

static void work_end(void)
{
	char command[128];
	snprintf(command, sizeof command, "rm -rf '%s'", work);
	NEED(system(command) == 0);
}

#endif
