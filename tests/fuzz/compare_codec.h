// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Decoders against the tools of their formats: what ours finishes the tool takes, too, and gives the same bytes; what
 * zstd takes whole ours takes, if there is anything in it (others pass over what follows, and more).
 */
#ifndef FUZZ_COMPARE_CODEC_H
#define FUZZ_COMPARE_CODEC_H

#include <glob.h>

#include "../frames_agree.h"
#include "compare.h"

static const struct {
	const char *name, *tool, *suffix;
} compared_codecs[] = {
    {"zstd", "zstd", ".zst"}, {"gzip", "gzip", ".gz"},	  {"xz", "xz", ".xz"},
    {"lz4", "lz4", ".lz4"},   {"bzip2", "bzip2", ".bz2"}, {"lzop", "lzop", ".lzo"},
};

static const struct format *codec_called(const char *name)
{
	size_t count;
	const struct format *const *rows = format_rows(&count);
	for (size_t i = 0; i < count; i++)
		if (rows[i]->kind == FORMAT_CODEC && !strcmp(rows[i]->name, name))
			return rows[i];
	NEED(!"a codec of that name");
	return NULL;
}

/* As libzstd's own loop says, without threads, frames or indexes of ours. */
static bool zstd_plainly(const uint8_t *data, size_t size, size_t step, uint8_t *out, size_t most, size_t *length)
{
	ZSTD_DStream *z = ZSTD_createDStream();
	ZSTD_inBuffer in = {data, step < size ? step : size, 0};
	size_t last = 1;
	*length = 0;
	NEED(z && !ZSTD_isError(ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, 28)));
	while (in.pos < size && *length < most) {
		if (in.pos == in.size)
			in.size = size - in.size < step ? size : in.size + step;
		ZSTD_outBuffer to = {out, most, *length};
		last = ZSTD_decompressStream(z, &to, &in);
		*length = to.pos;
		if (ZSTD_isError(last))
			break;
	}
	while (!ZSTD_isError(last) && last && *length < most) { /* what is left inside */
		ZSTD_outBuffer to = {out, most, *length};
		size_t before = to.pos;
		last = ZSTD_decompressStream(z, &to, &in);
		*length = to.pos;
		if (to.pos == before)
			break;
	}
	ZSTD_freeDStream(z);
	return last == 0 && in.pos == size;
}

#define DECODED_MOST (4 * MIB)

static void compare_decoders(struct comparison *c, size_t which)
{
	const struct format *row = codec_called(compared_codecs[which].name);
	const char *suffix = compared_codecs[which].suffix, *tool = compared_codecs[which].tool;
	char path[200], command[600], pattern[64];
	static uint8_t plain[DECODED_MOST];
	glob_t g = {0};
	if (!row->decode) { /* built without its library */
		c->both = 1;
		return;
	}
	snprintf(pattern, sizeof pattern, "fixtures/codec/*%s", suffix);
	NEED(glob(pattern, 0, NULL, &g) == 0);
	snprintf(pattern, sizeof pattern, "fixtures/frames/*%s", suffix);
	(void)!glob(pattern, GLOB_APPEND, NULL, &g);
	while (comparison_goes_on(c)) {
		size_t size = 0, length = 0;
		autofree uint8_t *data = fixture_file(g.gl_pathv[rng_below(&c->rng, g.gl_pathc)], &size);
		for (uint64_t n = rng_below(&c->rng, 3); n; n--)
			damage(&c->rng, data, &size);
		struct run run = {row, 0, 1 + (size_t)rng_below(&c->rng, 70000), false, 0, false, DECODED_MOST};
		struct result r = {0};
		decode_run(&run, data, size, &r);
		bool theirs;
		uint8_t *out = plain;
		autofree uint8_t *said = NULL;
		if (!strcmp(tool, "zstd") && c->rounds % 16) {
			bool stepped = zstd_plainly(data, size, 7, plain, sizeof plain, &length);
			theirs = zstd_plainly(data, size, size, plain, sizeof plain, &length);
			/*
			 * libzstd 1.5.4 takes an empty block that is marked as compressed, or not, by how much it is
			 * given at once: it agrees with nobody.
			 */
			if (theirs != stepped) {
				bytes_free(&r.out);
				continue;
			}
		} else {
			snprintf(path, sizeof path, "%s/in%s", c->dir, suffix);
			put_file(path, data, size);
			snprintf(command, sizeof command, "ulimit -c 0; %s -dc <in%s >out 2>/dev/null", tool, suffix);
			int rc = run_program(c, (const char *const[]){"sh", "-c", command, NULL});
			/* lzop decodes many members, and warns of them. */
			theirs = rc == 0 || (rc == 2 && !strcmp(tool, "lzop"));
			snprintf(path, sizeof path, "%s/out", c->dir);
			out = said = get_file(path, DECODED_MOST, &length);
			NEED(said);
		}
		bool same = length == r.out.length && !memcmp(out, r.out.data ? r.out.data : out, length);
		c->both += theirs && r.finished;
		c->ours += !theirs && r.finished;
		c->others += theirs && !r.finished;
		c->none += !theirs && !r.finished;
		if (r.finished && (!theirs || !same))
			keep_pair(c, tool, data, size, theirs ? "decodes otherwise" : "refuses what ours takes");
		else if (theirs && !r.finished && !strcmp(tool, "zstd") && length < DECODED_MOST &&
			 r.error.cls != ERROR_LIMIT && r.error.cls != ERROR_UNSUPPORTED && length)
			keep_pair(c, tool, data, size, r.error.text);
		bytes_free(&r.out);
		if (row->open_random)
			(void)agree(data, size); /* at random, in order, on many cores: aborts where they differ */
	}
	globfree(&g);
}

#endif
