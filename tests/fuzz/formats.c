// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Every row of the registry, of any bytes: each bids between 0 and 100, the same twice; what is picked is opened or
 * decoded, and what is refused has a reason.
 */
#include "backproof/format.h"
#include "backproof/finding.h"
#include "mutate.h"

#define OUTPUT_MAX (1 * MIB)

static void decode(const struct format *row, struct source *src)
{
	static uint8_t buf[65536];
	struct codec_info info = {0};
	struct error e = {0};
	struct source *pieces = NULL;
	struct stream *up = stream_from_source(src, &e);
	autostream struct stream *s = up ? row->decode(up, &info, &e) : NULL;
	ssize_t n = s ? 1 : -1;
	for (uint64_t total = 0; n > 0 && total < OUTPUT_MAX; total += (uint64_t)(n > 0 ? n : 0))
		n = stream_read(s, buf, sizeof buf, &e);
	if (n == 0)
		n = stream_finish(s, &e);
	if (n < 0 && (e.cls == ERROR_NONE || !e.text[0]))
		abort();
	if (row->open_random && row->open_random(src, &pieces, &e) > 0 && source_size(pieces))
		(void)!source_read_at(pieces, source_size(pieces) - 1, buf, 1, &e);
	source_destroy(pieces);
}

static void open_image(const struct format *row, struct source *src)
{
	static uint8_t buf[4096];
	struct image im = {0};
	struct findings f;
	struct error e = {0};
	if (findings_init(&f) < 0)
		abort();
	struct image_context c = {.subject = "image", .f = &f};
	int rc = row->open_image(src, &c, &im, &e);
	if (rc < 0 && (e.cls == ERROR_NONE || !e.text[0]))
		abort();
	for (size_t i = 0; rc == 0 && i < im.disks.count; i++) {
		struct source *d = im.disks.items[i].source;
		uint64_t size = source_size(d), n = size < sizeof buf ? size : sizeof buf;
		if (n) {
			(void)!source_read_at(d, 0, buf, (size_t)n, &e);
			(void)!source_read_at(d, size - n, buf, (size_t)n, &e);
		}
	}
	image_close(&im);
	findings_free(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t count, head = size < 4096 ? size : 4096, tail = size < 4096 ? size : 4096;
	const struct format *const *rows = format_rows(&count);
	struct error e = {0};
	struct probe p = {data, data + size - tail, head, tail, size}, start = {data, NULL, head, 0, 0};
	autosource struct source *src = source_memory(data, size, "any", &e);
	if (!src)
		abort();
	for (size_t i = 0; i < count; i++) {
		if (!rows[i]->bid) /* known by its suffix alone */
			continue;
		int bid = rows[i]->bid(&p), blind = rows[i]->bid(&start);
		if (bid < 0 || bid > 100 || blind < 0 || blind > 100 || bid != rows[i]->bid(&p))
			abort();
	}
	for (int kind = FORMAT_CODEC; kind <= FORMAT_ARCHIVE; kind++) {
		const struct format *row = NULL;
		e = (struct error){0};
		if (format_identify_source(src, (enum format_kind)kind, &row, &e) < 0) {
			if (e.cls != ERROR_AMBIGUOUS)
				abort();
			continue;
		}
		if (row && row->decode)
			decode(row, src);
		if (row && row->open_image)
			open_image(row, src);
	}
	char name[64];
	size_t n = size < sizeof name - 1 ? size : sizeof name - 1, stem = 0;
	memcpy(name, data, n);
	name[n] = 0;
	if (format_by_suffix(name, &stem) && stem > strlen(name))
		abort();
	return 0;
}

MUTATE_MAIN(4000, "fixtures/known/*[!e]", "fixtures/codec/*.*[z2t4o]", "fixtures/vdi/*.vdi", "fixtures/qcow2/z*",
	    "fixtures/frames/*.*z*")
