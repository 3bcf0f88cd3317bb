// SPDX-License-Identifier: GPL-3.0-or-later
/* The files of fixtures/codec against what the real tools said of them, and who claims them. */
#include <glob.h>

#include "../../src/codec/gzip.h"
#include "../../src/codec/rows.h"
#include "backproof/digest.h"
#include "codec_support.h"
#include "test.h"

#define FOLDER "fixtures/codec/"

static const struct format *const codecs[] = {&codec_zstd, &codec_gzip, &codec_xz, &codec_lz4,
					      &codec_bzip2, &codec_lzop};

struct line {
	char file[64], codec[16], outcome[16], members[8], unchecked[8], sum[65];
};

/* The line of "expected" for a file. */
static void expectation(const char *path, struct line *out)
{
	FILE *f = fopen(FOLDER "expected", "r");
	NEED(f);
	while (fscanf(f, "%63s %15s %15s %7s %7s %64s", out->file, out->codec, out->outcome,
		      out->members, out->unchecked, out->sum) == 6)
		if (!strcmp(out->file, path + strlen(FOLDER))) {
			fclose(f);
			return;
		}
	fprintf(stderr, "%s is not in " FOLDER "expected\n", path);
	exit(99);
}

static const struct format *codec_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++)
		if (!strcmp(codecs[i]->name, name))
			return codecs[i];
	return NULL;
}

static const char *outcome_of(const struct result *r)
{
	return r->finished ? "ok" : error_class_name(r->error.cls);
}

static void check_with(const struct format *row, const char *path, const struct bytes *file,
		       const struct line *want)
{
	struct error e;
	struct result got;
	struct run r = {row, 0, 0, false, 0, false, 0};
	uint8_t sum[DIGEST_MAX];
	char hex[2 * DIGEST_MAX + 1];
	decode_run(&r, file->data, file->length, &got);
	CHECK_STR(outcome_of(&got), want->outcome);
	if (strcmp(outcome_of(&got), want->outcome))
		fprintf(stderr, "%s: %s\n", path, got.error.text);
	if (got.finished) {
		autodestroy(digest_destroy_auto) struct digest *d = digest_new(DIGEST_SHA256, &e);
		NEED(d);
		digest_update(d, got.out.data, got.out.length);
		NEED(digest_final(d, sum, &e) == 0);
		CHECK_STR(hex_encode(sum, 32, hex), want->sum);
		CHECK_INT(got.info.members, atoi(want->members));
		CHECK_INT(got.info.unchecked, atoi(want->unchecked));
	}
	bytes_free(&got.out);
}

static void each_fixture(void (*fn)(const char *path, const struct bytes *file,
				    const struct line *want))
{
	glob_t g;
	size_t seen = 0;
	NEED(glob(FOLDER "*", 0, NULL, &g) == 0);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		autobytes struct bytes file = {0};
		struct line want;
		const char *path = g.gl_pathv[i];
		if (strstr(path, "/expected") || strstr(path, ".sh"))
			continue;
		NEED(bytes_load(&file, path) == 0);
		expectation(path, &want);
		fn(path, &file, &want);
		seen++;
	}
	CHECK(seen >= 20);
	globfree(&g);
}

static void check_decoded(const char *path, const struct bytes *file, const struct line *want)
{
	const struct format *codec = codec_named(want->codec);
	NEED(codec);
	if (codec->decode)
		check_with(codec, path, file, want);
#if defined(HAVE_LIBISAL) && defined(HAVE_ZLIB)
	if (codec == &codec_gzip)
		check_with(&codec_gzip_zlib, path, file, want);
#endif
}

static void decoded(void)
{
	each_fixture(check_decoded);
}

static struct probe probe_of(const uint8_t *data, size_t length)
{
	struct probe p = {.head = data, .head_length = length, .size = length};
	return p;
}

static void check_claimed(const char *path, const struct bytes *file, const struct line *want)
{
	struct error e = {0};
	const struct format *found = NULL;
	size_t stem = 0;
	struct probe p = probe_of(file->data, file->length);
	/* Skippable frames alone may be those of zstd or lz4. */
	if (!strcmp(path, FOLDER "skippable.zst")) {
		CHECK_INT(format_identify(&p, FORMAT_CODEC, &found, &e), -1);
		CHECK_INT(e.cls, ERROR_AMBIGUOUS);
	} else {
		CHECK_INT(format_identify(&p, FORMAT_CODEC, &found, &e), 0);
		CHECK_STR(found ? found->name : NULL, want->codec);
	}
	found = format_by_suffix(path, &stem);
	CHECK_STR(found ? found->name : NULL, want->codec);
	CHECK_INT(stem, strrchr(path, '.') - path);
}

static void claimed(void)
{
	each_fixture(check_claimed);
}

/* One byte short of what a bid looks at is nothing; none may read past its head (ASan looks). */
static void check_short_heads(const char *path, const struct bytes *file, const struct line *want)
{
	struct error e;
	(void)path;
	for (size_t n = 0; n < 40 && n < file->length; n++) {
		autofree uint8_t *head = malloc(n ? n : 1);
		const struct format *found = NULL;
		NEED(head);
		memcpy(head, file->data, n);
		struct probe p = probe_of(head, n);
		if (format_identify(&p, FORMAT_CODEC, &found, &e) == 0 && found)
			CHECK_STR(found->name, want->codec);
		if (n < 5)
			CHECK(!found);
	}
}

static void short_heads(void)
{
	each_fixture(check_short_heads);
}

static void random_is_nobodys(void)
{
	struct rng rng = {7};
	uint64_t head[64];
	size_t claimed_by_known = 0;
	for (size_t i = 0; i < 200000; i++) {
		struct error e;
		const struct format *found = NULL;
		for (size_t k = 0; k < (i % 100 ? 4 : ARRAY_SIZE(head)); k++)
			head[k] = rng_next(&rng);
		struct probe p = probe_of((const uint8_t *)head, sizeof head);
		CHECK_INT(format_identify(&p, FORMAT_CODEC, &found, &e), 0);
		CHECK(!found || !codec_named(found->name));
		claimed_by_known += found != NULL;
	}
	CHECK(claimed_by_known <= 3); /* compress has a magic of two bytes */
	memset(head, 0, sizeof head);
	const struct format *found = NULL;
	struct probe p = probe_of((const uint8_t *)head, sizeof head);
	CHECK_INT(format_identify(&p, FORMAT_CODEC, &found, NULL), 0);
	CHECK(!found);
}

static void suffixes(void)
{
	static const struct {
		const char *name, *codec;
		int stem;
	} cases[] = {
	    {"web01.img.zst", "zstd", 9}, {"A.IMG.GZ", "gzip", 5}, {"x.tgz", "gzip", 1},
	    {"x.taz", "gzip", 1},	  {"x.txz", "xz", 1},	   {"x.tbz2", "bzip2", 1},
	    {"x.tbz", "bzip2", 1},	  {"x.tzst", "zstd", 1},   {"x.zstd", "zstd", 1},
	    {"x.raw.lz4", "lz4", 5},	  {"d.zst/x.xz", "xz", 7}, {".zst", NULL, 0},
	    {"d/.gz", NULL, 0},		  {"zst", NULL, 0},	   {"", NULL, 0},
	    {"x.zst.", NULL, 0},	  {"d.gz/x", NULL, 0},	   {"xzst", NULL, 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t stem = 0;
		const struct format *f = format_by_suffix(cases[i].name, &stem);
		if (!cases[i].codec) {
			CHECK(!f);
			continue;
		}
		CHECK_STR(f ? f->name : NULL, cases[i].codec);
		CHECK_INT(stem, cases[i].stem);
		CHECK(format_by_suffix(cases[i].name, NULL) == f);
	}
}

/* What the rest of the program relies on in every row of every kind. */
static void rows_are_sound(void)
{
	size_t count;
	const struct format *const *rows = format_rows(&count);
	CHECK(count > ARRAY_SIZE(codecs));
	for (size_t i = 0; i < count; i++) {
		CHECK(rows[i]->name && rows[i]->name[0]);
		CHECK(rows[i]->kind == FORMAT_CODEC || !rows[i]->decode);
		CHECK(rows[i]->kind == FORMAT_IMAGE || !rows[i]->open_image);
		for (size_t k = 0; k < i; k++)
			CHECK(strcmp(rows[i]->name, rows[k]->name) != 0);
		for (const char *const *s = rows[i]->suffixes; s && *s; s++)
			CHECK((*s)[0] == '.' || (*s)[0] == '-');
	}
}

int main(void)
{
	RUN(decoded);
	RUN(claimed);
	RUN(short_heads);
	RUN(random_is_nobodys);
	RUN(suffixes);
	RUN(rows_are_sound);
	return test_done();
}
