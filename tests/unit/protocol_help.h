// SPDX-License-Identifier: GPL-3.0-or-later
/* A request and a result with something in every place. */
#ifndef PROTOCOL_HELP_H
#define PROTOCOL_HELP_H

#include "../../src/gate/reader.h"
#include "../../src/gate/remember.h"
#include "backproof/sweep.h"
#include "test.h"

#define PROTOCOL_SIZE (3 * MERKLE_CHUNK + 5)

/* Hashes of a file of that many bytes, and its digests. */
static inline struct chunks *protocol_chunks(uint8_t sha256[32], uint8_t fsverity[32])
{
	struct error e;
	autofree uint8_t *data = malloc(PROTOCOL_SIZE);
	struct sweep w = {.mask = 1u << DIGEST_SHA256 | 1u << DIGEST_FSVERITY, .observer = chunks_observe};
	NEED(data);
	memset(data, 7, PROTOCOL_SIZE);
	struct chunks *c = w.ctx = chunks_new(&e);
	autosource struct source *src = source_memory(data, PROTOCOL_SIZE, "x", &e);
	NEED(c && src && sweep_source(src, &w, &e) == 0);
	memcpy(sha256, w.digests[DIGEST_SHA256], 32);
	memcpy(fsverity, w.digests[DIGEST_FSVERITY], 32);
	return c;
}

static inline void protocol_point(struct restore_point *p, const char *label)
{
	NEED((p->label = strdup(label)));
	for (int i = 0; i < 2; i++) {
		struct point_file *f = vec_push(p);
		NEED(f && (f->path = strdup(i ? "/b/b.img" : "/b/a.img")) && (i || (f->disk = strdup("sda"))) &&
		     (i || (f->part = strdup("1"))));
		f->size = PROTOCOL_SIZE;
		f->mtime = 1799000000;
		f->since = 1798990000 + i;
		f->note = i;
	}
}

/* To be freed by reader_request_free. */
static inline void protocol_request(struct reader_request *r)
{
	static const struct reader_request none;
	*r = none;
	protocol_point(&r->point, "web01");
	struct restore_point *before = vec_push(&r->previous);
	NEED(before && policy_defaults(&r->policy, "default") == 0);
	protocol_point(before, "older");
	for (int i = 0; i < 2; i++) {
		struct live_mount *m = vec_push(&r->live);
		NEED(m && (m->mount = strdup(i ? "/boot" : "/")) && (m->device = strdup("/dev/sda1")) &&
		     (i || (m->uuid = strdup("0123"))));
	}
	NEED(!strings_add(&r->disks, "sda") && !strings_add(&r->files, "/etc/fstab"));
	NEED((r->host = strdup("web01")) && (r->hostname = strdup("web01")) && (r->machine_id = strdup("5f")) &&
	     (r->against = strdup("/dev/sda")) && (r->known = calloc(2, sizeof *r->known)));
	uint8_t sha256[32];
	r->known[0].chunks = protocol_chunks(sha256, r->known[0].fsverity);
	r->known[0].size = PROTOCOL_SIZE;
	snprintf(r->account.name, sizeof r->account.name, "nobody");
	r->has_account = r->remember = r->json = true;
	r->task = READER_SEAL;
	r->p = (struct check_parameters){.policy = &r->policy, .host = r->host, .hostname = r->hostname,
					 .machine_id = r->machine_id, .disks = &r->disks, .live = &r->live,
					 .previous = r->previous.items, .previous_count = 1, .known = r->known,
					 .known_count = 2, .now = 1800000000, .depth = DEPTH_FULL, .seed = 7};
}

/* To be freed by host_result_free. */
static inline void protocol_result(const struct check_parameters *p, const struct restore_point *point,
				   struct reader_file files[2], struct host_result *r)
{
	static const struct host_result none;
	*r = none;
	NEED(findings_init(&r->findings) == 0);
	for (int i = 0; i < PROOF_COUNT; i++)
		finding_add(&r->findings, i, "a.check", "a.img", OUTCOME_HELD,
			    &(struct finding_text){.expected = "1", .measured = "1", .offset = i, .has_offset = true}, "as it was");
	r->measures = (struct measures){.bytes_read = 14, .files_sampled = 2, .files_restored = 2, .restore_seconds = 0.5};
	r->sample = (struct chunk_sample){.total = 9, .drawn = 3, .known = 4, .from = "seal", .confidence = 999000};
	r->taken_at = 1799990000;
	NEED(!strings_add(&r->formats, "raw") && (r->hostname = strdup("web01")) && (r->machine_id = strdup("5f")) &&
	     (r->system = strdup("Debian")) && (r->seal.path = strdup("/b/seal")));
	r->seal.is_signed = true;
	snprintf(r->seal.key_id, sizeof r->seal.key_id, "0123");
	struct chunks *chunks[2] = {NULL};
	for (int i = 0; i < 2; i++) {
		struct proved_file *f = vec_push(&r->files);
		NEED(f && (f->path = strdup(point->items[i].path)));
		f->size = PROTOCOL_SIZE;
		files[i] = (struct reader_file){.read_whole = !i, .holes = i ? 3 : 0};
		if (!i) {
			chunks[i] = protocol_chunks(f->sha256, f->fsverity);
			f->has_sha256 = f->has_fsverity = true;
		}
	}
	r->record = remember_record(p, r);
	NEED(r->record);
	for (int i = 0; i < 2; i++)
		NEED(remember_file(r->record, &r->files.items[i], files[i].read_whole, chunks[i]) == 0);
	r->record->opaque_known = true;
	r->record->sketch_count = 3;
	NEED(r->record->sketch = calloc(3, sizeof *r->record->sketch));
	for (uint64_t i = 0; i < 3; i++)
		r->record->sketch[i] = 10 + i;
}

#endif
