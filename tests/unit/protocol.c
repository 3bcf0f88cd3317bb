// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What a reader is told and what it tells: all of it arrives, and what is cut, or changed into what can't be, is
 * refused with a reason and leaves nothing.
 */
#include "protocol_help.h"

static struct reader_request asked;
static struct wire_out request, result;
static struct error e;

static bool is_same_request(const void *data, size_t length)
{
	struct reader_request got;
	struct wire_out again = {0};
	bool same = false;
	e = (struct error){0};
	if (reader_request_get(data, length, &got, &e) == 0) {
		reader_request_put(&again, &got);
		same = !again.failed && again.length == length && !memcmp(again.data, data, length);
		wire_out_free(&again);
	} else {
		CHECK(e.cls != ERROR_NONE && e.text[0]);
	}
	reader_request_free(&got);
	return same;
}

static void begin(struct host_result *r)
{
	*r = (struct host_result){.depth = DEPTH_FULL};
	NEED(findings_init(&r->findings) == 0);
	r->measures.duration_seconds = 3;
}

/* Understood, and the same when it is put again. */
static bool is_same_result(const void *data, size_t length)
{
	struct host_result got;
	struct reader_file files[2];
	struct wire_out again = {0};
	bool same = false;
	begin(&got);
	e = (struct error){0};
	if (reader_result_get(data, length, &asked.point, &asked.p, &got, files, &e) == 0) {
		reader_result_put(&again, &got, files, 2);
		same = !again.failed && again.length == length && !memcmp(again.data, data, length);
		wire_out_free(&again);
	} else {
		CHECK(e.cls == ERROR_CORRUPT && e.text[0]);
		CHECK(!got.findings.count && !got.files.count && !got.formats.count && !got.hostname && !got.record &&
		      !got.seal.path && !got.measures.bytes_read && !got.taken_at);
	}
	CHECK(got.measures.duration_seconds == 3); /* the gate's own */
	host_result_free(&got);
	return same;
}

static void all_arrives(void)
{
	struct reader_request none = asked;
	struct wire_out w = {0};
	CHECK(is_same_request(request.data, request.length));
	CHECK(is_same_result(result.data, result.length));
	/* With as little as there can be. */
	none.p = (struct check_parameters){.policy = &asked.policy, .host = "web01"};
	none.files.count = 0;
	none.against = NULL;
	reader_request_put(&w, &none);
	CHECK(is_same_request(w.data, w.length));
	wire_out_free(&w);
	struct host_result r = {0};
	struct reader_file files[2] = {{0}};
	NEED(findings_init(&r.findings) == 0);
	reader_result_put(&w, &r, files, 2);
	host_result_free(&r);
	begin(&r);
	CHECK(reader_result_get(w.data, w.length, &asked.point, &asked.p, &r, files, &e) == 0);
	CHECK_INT(r.files.count, 2);
	CHECK_INT(r.age, 0);
	CHECK(!r.record);
	wire_out_free(&w);
	host_result_free(&r);
}

static void cut_anywhere(void)
{
	size_t refused = 0, step;
	for (size_t n = 0; n < request.length; n += step, refused++) {
		step = n < 4000 || n + 600 > request.length ? 1 : 61;
		CHECK(!is_same_request(request.data, n));
	}
	for (size_t n = 0; n < result.length; n += step, refused++) {
		step = n < 4000 || n + 600 > result.length ? 1 : 61;
		CHECK(!is_same_result(result.data, n));
	}
	CHECK(refused > 1000);
	uint8_t *longer = malloc(result.length + 1);
	NEED(longer);
	memcpy(longer, result.data, result.length);
	longer[result.length] = 0;
	CHECK(!is_same_result(longer, result.length + 1));
	CHECK(strstr(e.text, "more than belongs"));
	free(longer);
}

/* Each byte in turn: it is refused, or what it says is taken as it is. */
static void changed_anywhere(void)
{
	static const uint8_t changes[] = {0x01, 0x80, 0xff};
	size_t refused = 0, taken = 0;
	for (int which = 0; which < 2; which++) {
		struct wire_out *w = which ? &result : &request;
		for (size_t n = 0; n < w->length; n += n < 4000 || n + 600 > w->length ? 1 : 67)
			for (size_t k = 0; k < ARRAY_SIZE(changes); k++) {
				w->data[n] ^= changes[k];
				bool same = which ? is_same_result(w->data, w->length) : is_same_request(w->data, w->length);
				refused += e.cls != ERROR_NONE;
				taken += same;
				w->data[n] ^= changes[k];
			}
	}
	CHECK(refused > 300 && taken > 300);
}

/* What was found out of a file that moved is not held against the file that is there. */
static void forgotten(void)
{
	struct host_result r;
	struct reader_file files[2];
	begin(&r);
	NEED(reader_result_get(result.data, result.length, &asked.point, &asked.p, &r, files, &e) == 0 && r.record);
	NEED(r.record->files.count == 2);
	r.record->files.items[0].read_whole = r.record->files.items[0].has_sha256 = true;
	bool kept = false;
	vec_each(&r.record->files, it) kept |= it->chunks != NULL;
	CHECK(kept);
	remember_no_digests(r.record);
	vec_each(&r.record->files, it) CHECK(!it->read_whole && !it->has_sha256 && !it->has_fsverity && !it->chunks);
	CHECK_INT(r.record->files.count, 2);
	host_result_free(&r);
}

static void confinements(void)
{
	struct confinement c = {.no_new_privs = true, .seccomp = true, .landlock = 4, .landlock_scope = true,
				.account = {"nobody", 65534, 65534}, .memory = 1, .file_size = 2, .files = 3,
				.cpu_seconds = 4, .reader = true},
			   got;
	struct wire_out w = {0}, again = {0};
	struct wire_in in;
	reader_confined_put(&w, &c);
	wire_in_init(&in, w.data, w.length);
	reader_confined_get(&in, &got);
	CHECK(wire_in_done(&in));
	reader_confined_put(&again, &got);
	CHECK(again.length == w.length && !memcmp(again.data, w.data, w.length));
	for (size_t n = 0; n < w.length; n++) {
		wire_in_init(&in, w.data, n);
		reader_confined_get(&in, &got);
		CHECK(!wire_in_done(&in));
	}
	w.data[4] = 1; /* 65540 as the ABI */
	wire_in_init(&in, w.data, w.length);
	reader_confined_get(&in, &got);
	CHECK(in.bad);
	wire_out_free(&w);
	wire_out_free(&again);
}

/* Changes a result before it is put: what it then says can't be. */
#define REFUSED(words, change)                                                                     \
	do {                                                                                       \
		struct host_result r;                                                              \
		struct reader_file files[2];                                                       \
		struct wire_out w = {0};                                                           \
		protocol_result(&asked.p, &asked.point, files, &r);                                \
		change;                                                                            \
		reader_result_put(&w, &r, files, 2);                                               \
		CHECK(!is_same_result(w.data, w.length));                                          \
		if (!strstr(e.text, words)) {                                                      \
			fprintf(stderr, "\"%s\", not \"%s\"\n", e.text, words);                    \
			CHECK(!"the reason");                                                      \
		}                                                                                  \
		wire_out_free(&w);                                                                 \
		host_result_free(&r);                                                              \
	} while (0)

static void lies(void)
{
	char longer[70];
	memset(longer, 'a', sizeof longer);
	longer[69] = 0;
	REFUSED("a finding that is none", r.findings.items[0].check = "");
	REFUSED("a finding that is none", r.findings.items[0].check = "A Check");
	REFUSED("a text that is too long", r.findings.items[0].check = longer);
	REFUSED("a finding that is none", r.findings.items[0].offset = -2);
	REFUSED("a finding that is none", (free(r.findings.items[0].subject), r.findings.items[0].subject = NULL));
	REFUSED("does not exist", r.findings.items[0].outcome = OUTCOME_SKIPPED + 1);
	REFUSED("does not exist", r.findings.items[0].proof = PROOF_COUNT);
	REFUSED("contradict", r.sample.confidence = 1000001);
	REFUSED("contradict", r.sample.damage = 1000001);
	REFUSED("contradict", r.sample.drawn = 10);
	REFUSED("contradict", r.sample.known = 10);
	REFUSED("contradict", r.measures.files_restored = 3);
	REFUSED("a number that is none", r.measures.restore_seconds = -1);
	REFUSED("a digest of half a file", files[0].read_whole = false);
	REFUSED("a digest of half a file", (files[0].read_whole = false, r.files.items[0].has_sha256 = false));
	REFUSED("hashes that do not give", r.files.items[0].fsverity[0] ^= 1);
	REFUSED("hashes that do not give", r.files.items[0].has_fsverity = false);
	REFUSED("a sketch that is none", r.record->sketch[1] = 5);
	REFUSED("a share of more than all", r.record->opaque = 1000001);
	/* And what is allowed: each of the sources of a sample, names that were met, hashes of none. */
	struct wire_out w = {0};
	for (int i = 0; i < 3; i++) {
		static const char *const froms[] = {NULL, "seal", "history"};
		struct host_result good;
		struct reader_file of[2];
		protocol_result(&asked.p, &asked.point, of, &good);
		good.sample.from = froms[i];
		good.findings.items[i].check = "another.check";
		reader_result_put(&w, &good, of, 2);
		CHECK(is_same_result(w.data, w.length));
		wire_out_free(&w);
		host_result_free(&good);
	}
	struct reader_request other = asked;
	struct restore_point one = asked.point;
	/* A time that is none makes it as old as can be. */
	struct host_result ancient;
	struct reader_file of_it[2];
	protocol_result(&asked.p, &asked.point, of_it, &ancient);
	ancient.taken_at = INT64_MIN;
	reader_result_put(&w, &ancient, of_it, 2);
	host_result_free(&ancient);
	begin(&ancient);
	CHECK(reader_result_get(w.data, w.length, &asked.point, &asked.p, &ancient, of_it, &e) == 0);
	CHECK(ancient.age == INT64_MAX);
	wire_out_free(&w);
	host_result_free(&ancient);
	/* Other files than were asked about. */
	one.count = 1;
	struct host_result r;
	struct reader_file files[2];
	begin(&r);
	CHECK(reader_result_get(result.data, result.length, &one, &asked.p, &r, files, &e) < 0);
	CHECK(strstr(e.text, "other files"));
	host_result_free(&r);
	/* A request without what it needs. */
	other.p.host = NULL;
	reader_request_put(&w, &other);
	CHECK(!is_same_request(w.data, w.length));
	wire_out_free(&w);
	/* Of a program that is another. */
	reader_request_put(&w, &asked);
	w.data[4] ^= 1;
	CHECK(!is_same_request(w.data, w.length));
	CHECK(strstr(e.text, "another version"));
	wire_out_free(&w);
	struct reader_request no_version = asked;
	reader_request_put(&w, &no_version);
	size_t cut = 4 + strlen(VERSION);
	memset(w.data, 0xff, 4); /* none was put */
	memmove(w.data + 4, w.data + cut, w.length - cut);
	CHECK(!is_same_request(w.data, w.length - strlen(VERSION)));
	CHECK(strstr(e.text, "another version"));
	wire_out_free(&w);
	/* The first of two earlier restore points is bad: nothing is looked for behind it. */
	struct restore_point two[2] = {asked.point, asked.point};
	two[0].label = NULL;
	other = asked;
	other.p.previous = two;
	other.p.previous_count = 2;
	reader_request_put(&w, &other);
	CHECK(!is_same_request(w.data, w.length));
	CHECK(strstr(e.text, "without a name"));
	wire_out_free(&w);
	other = asked;
	other.point.label = NULL;
	reader_request_put(&w, &other);
	CHECK(!is_same_request(w.data, w.length));
	CHECK(strstr(e.text, "without a name"));
	wire_out_free(&w);
}

/* What would make too long a message of a result is left out of it: the next check reads all. */
static void hashes_that_have_no_room(void)
{
	static const size_t befores[] = {0, 240 * MIB - 10, 256 * MIB};
	size_t with = 0;
	for (size_t i = 0; i < ARRAY_SIZE(befores); i++) {
		struct host_result r;
		struct reader_file files[2];
		struct wire_out w = {.length = befores[i], .capacity = befores[i] ? befores[i] + MIB : 0};
		NEED(!w.capacity || (w.data = malloc(w.capacity)));
		protocol_result(&asked.p, &asked.point, files, &r);
		reader_result_put(&w, &r, files, 2);
		CHECK(!w.failed);
		size_t length = w.length - befores[i];
		CHECK(is_same_result(w.data + befores[i], length));
		with = i ? with : length;
		CHECK(i ? length < with : length == result.length);
		wire_out_free(&w);
		host_result_free(&r);
	}
	/* A record that has no files yet has no hashes. */
	struct host_result r;
	struct reader_file files[2];
	struct wire_out w = {0};
	protocol_result(&asked.p, &asked.point, files, &r);
	size_t count = r.record->files.count;
	r.record->files.count = 0;
	reader_result_put(&w, &r, files, 2);
	r.record->files.count = count;
	CHECK(is_same_result(w.data, w.length));
	CHECK(w.length < with);
	wire_out_free(&w);
	host_result_free(&r);
}

/* Names of checks stay for good: there is an end to how many are met. The last test, therefore. */
static void names_without_end(void)
{
	bool refused = false;
	struct host_result r;
	struct reader_file files[2];
	protocol_result(&asked.p, &asked.point, files, &r);
	for (int i = 0; i < 3000 && !refused; i += PROOF_COUNT) {
		struct wire_out w = {0};
		static char names[PROOF_COUNT][32];
		for (int k = 0; k < PROOF_COUNT; k++) {
			snprintf(names[k], sizeof names[k], "check.%d", i + k);
			r.findings.items[k].check = names[k];
		}
		reader_result_put(&w, &r, files, 2);
		refused = !is_same_result(w.data, w.length);
		CHECK(!refused || (i > 1000 && strstr(e.text, "a finding that is none")));
		wire_out_free(&w);
	}
	host_result_free(&r);
	CHECK(refused);
}

int main(void)
{
	struct host_result r;
	struct reader_file files[2];
	protocol_request(&asked);
	protocol_result(&asked.p, &asked.point, files, &r);
	reader_request_put(&request, &asked);
	reader_result_put(&result, &r, files, 2);
	NEED(!request.failed && !result.failed);
	host_result_free(&r);
	RUN(all_arrives);
	RUN(cut_anywhere);
	RUN(changed_anywhere);
	RUN(forgotten);
	RUN(confinements);
	RUN(lies);
	RUN(hashes_that_have_no_room);
	RUN(names_without_end);
	wire_out_free(&request);
	wire_out_free(&result);
	reader_request_free(&asked);
	return test_done();
}
