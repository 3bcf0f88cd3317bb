// SPDX-License-Identifier: GPL-3.0-or-later
/* What a reader says for a seal: all of it arrives, and what is cut or can't be is refused. */
#include "protocol_help.h"
#include "../../src/gate/sealing.h"

static struct restore_point point;

/* Two files, and two of all else; the second file has one block, and so no chunks. */
static void fill(struct sealing_found *x)
{
	struct error e;
	struct seal *s = &x->seal;
	memset(x, 0, sizeof *x);
	NEED(!strings_add(&x->notes, "a note") && !strings_add(&s->formats, "raw"));
	NEED((s->hostname = strdup("web01")) && (s->system = strdup("Debian")));
	s->taken_at = 1799000000;
	s->compared = 5;
	for (int i = 0; i < 2; i++) {
		struct seal_disk *d = vec_push(&s->disks);
		NEED(d && (d->name = strdup("a.img")) && (d->table = strdup("gpt")));
		struct seal_volume *v = vec_push(&s->volumes);
		NEED(v && (v->name = strdup("a.img:1")) && (v->disk = strdup("a.img")));
		v->size = 9;
		struct seal_entry *y = vec_push(&s->entries);
		NEED(y && (y->path = strdup("/etc/fstab")));
	}
	NEED((x->chunks = calloc(2, sizeof *x->chunks)));
	x->chunk_count = 2;
	for (int i = 0; i < 2; i++) {
		struct seal_file *f = vec_push(&s->files);
		NEED(f && (f->name = strdup(i ? "b.img" : "a.img")));
		f->size = i ? 100 : PROTOCOL_SIZE;
		NEED((x->chunks[i] = i ? chunks_new(&e) : protocol_chunks(f->sha256, f->fsverity)));
	}
	x->complete = true;
	x->measured = 1;
}

static const char *why;

/* Understood, and the same when it is put again. */
static bool is_same(const void *data, size_t length)
{
	struct sealing_found got = {0};
	struct wire_in in;
	struct wire_out again = {0};
	wire_in_init(&in, data, length);
	reader_seal_get(&in, &point, &got);
	bool same = wire_in_done(&in);
	why = in.why ? in.why : "";
	CHECK(!in.bad || *why);
	if (same) {
		reader_seal_put(&again, &got);
		same = !again.failed && again.length == length && !memcmp(again.data, data, length);
		wire_out_free(&again);
	}
	sealing_found_free(&got);
	CHECK(!got.chunks && !got.seal.files.count);
	return same;
}

static void all_arrives(void)
{
	struct sealing_found x, none = {0};
	struct wire_out w = {0};
	fill(&x);
	reader_seal_put(&w, &x);
	CHECK(!w.failed && is_same(w.data, w.length));
	for (size_t n = 0; n < w.length; n++) {
		uint8_t *cut = malloc(n + 1);
		NEED(cut);
		memcpy(cut, w.data, n);
		CHECK(!is_same(cut, n));
		free(cut);
	}
	wire_out_free(&w);
	/* What was not read whole has no files, whatever is known of it. */
	x.complete = false;
	reader_seal_put(&w, &x);
	CHECK(is_same(w.data, w.length));
	wire_out_free(&w);
	sealing_found_free(&x);
	reader_seal_put(&w, &none);
	CHECK(is_same(w.data, w.length));
	wire_out_free(&w);
	sealing_found_free(&none);
}

/* Changes what was found before it is put. */
#define REFUSED(words, change)                                                                     \
	do {                                                                                       \
		struct sealing_found x;                                                            \
		struct wire_out w = {0};                                                           \
		fill(&x);                                                                          \
		struct seal *s = &x.seal;                                                          \
		change;                                                                            \
		(void)s;                                                                           \
		reader_seal_put(&w, &x);                                                           \
		CHECK(!w.failed && !is_same(w.data, w.length));                                    \
		CHECK_STR(why, words);                                                             \
		wire_out_free(&w);                                                                 \
		sealing_found_free(&x);                                                            \
	} while (0)
#define NONE(field) (free(field), (field) = NULL)

static void what_can_not_be(void)
{
	REFUSED("numbers that contradict each other", x.measured = 3);
	REFUSED("numbers that contradict each other", s->taken_at = -1);
	REFUSED("a disk without a name", NONE(s->disks.items[0].name));
	REFUSED("a volume without a name", NONE(s->volumes.items[0].name));
	REFUSED("a volume without a name", NONE(s->volumes.items[0].disk));
	REFUSED("a file without a name", NONE(s->entries.items[0].path));
	REFUSED("hashes that do not give the digest", s->files.items[0].fsverity[0] ^= 1);
	REFUSED("hashes that do not give the digest", s->files.items[0].size += MERKLE_CHUNK);
	/* A small file has no chunks. */
	REFUSED("hashes that do not give the digest", s->files.items[0].size = 1);
	REFUSED("hashes that do not give the digest", s->files.items[1].size = PROTOCOL_SIZE);
	/* What is no packed hashes at all. */
	struct sealing_found x;
	struct wire_out w = {0};
	fill(&x);
	reader_seal_put(&w, &x);
	w.data[w.length - 1] ^= 0xff;
	bool same = is_same(w.data, w.length);
	CHECK(!same);
	wire_out_free(&w);
	/* Each byte in turn: refused, or taken as it is. */
	reader_seal_put(&w, &x);
	size_t refused = 0;
	for (size_t n = 0; n < w.length; n++) {
		w.data[n] ^= 0x81;
		refused += !is_same(w.data, w.length);
		w.data[n] ^= 0x81;
	}
	CHECK(refused > 60);
	wire_out_free(&w);
	sealing_found_free(&x);
	/* Things that are more than they take room for. */
	wire_put_u64(&w, 0);
	for (int i = 0; i < 200; i++)
		wire_put_u8(&w, 0xff);
	CHECK(!is_same(w.data, w.length));
	wire_out_free(&w);
}

int main(void)
{
	protocol_point(&point, "web01");
	RUN(all_arrives);
	RUN(what_can_not_be);
	for (size_t i = 0; i < point.count; i++) {
		free(point.items[i].path);
		free(point.items[i].disk);
		free(point.items[i].part);
	}
	free(point.items);
	free(point.label);
	return test_done();
}
