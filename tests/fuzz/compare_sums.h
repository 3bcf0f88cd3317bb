// SPDX-License-Identifier: GPL-3.0-or-later
/* Damaged checksum files: each line that is taken here and matches its file is OK for sha256sum -c, too. */
#ifndef FUZZ_COMPARE_SUMS_H
#define FUZZ_COMPARE_SUMS_H

#include "backproof/digest.h"
#include "backproof/sidecar.h"
#include "backproof/text.h"
#include "compare.h"

static const char *const summed_names[] = {"disk.img", "a b", "back\\slash", "*star", "new\nline"};

struct summed {
	uint8_t digests[ARRAY_SIZE(summed_names)][32];
	unsigned match[ARRAY_SIZE(summed_names)]; /* the line */
};

static int sums_line(void *ctx, unsigned line, enum digest_kind kind, const uint8_t *digest, const char *name)
{
	struct summed *s = ctx;
	for (size_t i = 0; i < ARRAY_SIZE(summed_names); i++)
		if (kind == DIGEST_SHA256 && !strcmp(name, summed_names[i]) && !memcmp(digest, s->digests[i], 32))
			s->match[i] = line;
	return 0;
}

static void sums_text(struct text *t, const struct summed *s, struct rng *r)
{
	static const char *const forms[] = {"%s%s  %s\n", "%s%s *%s\n"};
	for (uint64_t n = 1 + rng_below(r, 5); n; n--) {
		size_t i = (size_t)rng_below(r, ARRAY_SIZE(summed_names));
		char hex[65], name[64];
		size_t k = 0;
		bool escape = strpbrk(summed_names[i], "\\\n");
		for (const char *p = summed_names[i]; *p; p++) {
			if (*p == '\\' || *p == '\n')
				name[k++] = '\\';
			name[k++] = *p == '\n' ? 'n' : *p;
		}
		name[k] = 0;
		hex_encode(s->digests[i], 32, hex);
		if (rng_below(r, 8) == 0)
			hex[rng_below(r, 64)] = '0';
		if (rng_below(r, 3))
			text_printf(t, forms[rng_below(r, 2)], escape ? "\\" : "", hex, name);
		else
			text_printf(t, "%sSHA256 (%s) = %s\n", escape ? "\\" : "", name, hex);
	}
}

static void compare_sums(struct comparison *c, size_t which)
{
	struct summed s = {0};
	char path[200];
	(void)which;
	for (size_t i = 0; i < ARRAY_SIZE(summed_names); i++) {
		struct error e;
		uint8_t sum[DIGEST_MAX];
		snprintf(path, sizeof path, "%s/%s", c->dir, summed_names[i]);
		put_file(path, summed_names[i], strlen(summed_names[i]));
		struct digest *d = digest_new(DIGEST_SHA256, &e);
		NEED(d);
		digest_update(d, summed_names[i], strlen(summed_names[i]));
		NEED(digest_final(d, sum, &e) == 0);
		digest_destroy(d);
		memcpy(s.digests[i], sum, 32);
	}
	while (comparison_goes_on(c)) {
		autotext struct text t = {0};
		struct error bad = {0};
		size_t size;
		sums_text(&t, &s, &c->rng);
		size = t.length;
		for (uint64_t n = rng_below(&c->rng, 4); n && size; n--) {
			size_t at = (size_t)rng_below(&c->rng, size);
			if (rng_below(&c->rng, 2))
				t.data[at] = " *\\\n()=/.#0aA"[rng_below(&c->rng, 13)];
			else
				damage(&c->rng, (uint8_t *)t.data, &size);
		}
		memset(s.match, 0, sizeof s.match);
		(void)sidecar_parse(t.data, size, "SHA256SUMS", sums_line, &s, &bad);
		snprintf(path, sizeof path, "%s/SUMS", c->dir);
		put_file(path, t.data, size);
		/* Only of these lines: others change the way in which sha256sum reads what follows. */
		autotext struct text taken = {0};
		for (size_t i = 0; i < ARRAY_SIZE(summed_names); i++) {
			const char *line = t.data, *end = t.data + size;
			for (unsigned k = 1; line && k < s.match[i]; k++)
				line = memchr(line, '\n', (size_t)(end - line)), line += line != NULL;
			const char *stop = line && s.match[i] ? memchr(line, '\n', (size_t)(end - line)) : NULL;
			if (line && s.match[i])
				text_printf(&taken, "%.*s\n", (int)((stop ? stop : end) - line), line);
		}
		put_file(path, taken.data ? taken.data : "", taken.length);
		int rc = run_program(c, (const char *const[]){"sha256sum", "-c", "SUMS", NULL});
		size_t length;
		snprintf(path, sizeof path, "%s/said", c->dir);
		autofree uint8_t *said = get_file(path, 65536, &length);
		NEED(said);
		for (size_t i = 0; i < ARRAY_SIZE(summed_names); i++) {
			char ok[160], quoted[96];
			size_t k = 0;
			for (const char *p = summed_names[i]; *p; p++) {
				if (*p == '\\' || *p == '\n')
					quoted[k++] = '\\';
				quoted[k++] = *p == '\n' ? 'n' : *p;
			}
			quoted[k] = 0;
			snprintf(ok, sizeof ok, "%s: OK\n", summed_names[i]);
			bool fine = strstr((char *)said, ok);
			snprintf(ok, sizeof ok, "%s: OK\n", quoted);
			fine |= strstr((char *)said, ok) != NULL;
			c->both += fine && s.match[i];
			c->ours += !fine && s.match[i];
			c->others += fine && !s.match[i];
			c->none += !fine && !s.match[i];
			if (s.match[i] && !fine)
				keep_pair(c, "sums", t.data, size, summed_names[i]);
		}
		(void)rc;
	}
}

#endif
