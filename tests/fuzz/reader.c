// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The protocol between the gate and a reader that belongs to an attacker. The first byte of an input says what it is:
 *
 *     RESULT	  is refused with a reason and leaves nothing behind, or says the same when it is put again; a verdict
 *		  comes of it, and every report can be written, JSON as JSON
 *     REQUEST, CONFINED	the same
 *     QUESTIONS  a keeper of a real directory answers messages (kind, le16 length, body): what it opens, tells of or
 *		  lists lies in the restore point or is a sidecar beside it, whatever is asked
 */
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <sys/stat.h>

#include "../../src/gate/reader.h"
#include "../../src/gate/remember.h"
#include "backproof/config.h"
#include "backproof/report.h"
#include "mutate.h"

enum { RESULT, REQUEST, CONFINED, QUESTIONS, HEADS, KINDS };

static char root[64], secret[96];
static struct config config;
static struct restore_point point;
static struct check_parameters parameters;

static void make(const char *name, const char *text)
{
	char path[200];
	snprintf(path, sizeof path, "%s/%s", root, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	NEED(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0);
}

static void add_file(const char *name)
{
	struct point_file *f = vec_push(&point);
	NEED(f && asprintf(&f->path, "%s/%s", root, name) > 0);
	f->size = 7;
}

static int drop(const char *path, const struct stat *st, int type, struct FTW *w)
{
	(void)st, (void)type, (void)w;
	return remove(path);
}

static void leave(void)
{
	struct catalog one = {.items = malloc(sizeof point), .count = 1};
	one.items[0] = point;
	catalog_free(&one);
	config_free(&config);
	(void)!nftw(root, drop, 16, FTW_DEPTH | FTW_PHYS);
}

/* /web01 is the restore point's; a key and a list of sums lie above it; what is elsewhere is nobody's business. */
static void prepare(void)
{
	struct error e;
	char path[200];
	if (*root)
		return;
	snprintf(root, sizeof root, "%s/reader-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	NEED(mkdtemp(root) && config_load("/dev/null", NULL, &config, &e) == 0);
	static const char *const directories[] = {"all", "all/web01", "all/web01/below", "elsewhere"};
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		snprintf(path, sizeof path, "%s/%s", root, directories[i]);
		NEED(mkdir(path, 0700) == 0);
	}
	make("all/web01/a.img", "content");
	make("all/web01/b.img", "content");
	make("all/web01/a.img.sha256", "sum");
	make("all/web01/private", "secret");
	make("all/SHA256SUMS", "sum");
	make("elsewhere/SHA256SUMS", "secret");
	snprintf(secret, sizeof secret, "%s/elsewhere", root);
	snprintf(path, sizeof path, "%s/all/web01/leak.sha256", root);
	NEED(symlink("../../elsewhere/SHA256SUMS", path) == 0);
	snprintf(path, sizeof path, "%s/all/web01/out", root);
	NEED(symlink("../../elsewhere", path) == 0);
	NEED((point.label = strdup("web01")) != NULL);
	add_file("all/web01/a.img");
	add_file("all/web01/b.img");
	parameters = (struct check_parameters){.policy = config_policy(&config, "default"), .host = "web01",
					       .now = 1800000000, .depth = DEPTH_FULL, .seed = 7, .remember = true};
	NEED(parameters.policy);
	atexit(leave);
}

static void demand(bool is, const char *what)
{
	if (is)
		return;
	fprintf(stderr, "not so: %s\n", what);
	abort();
}

static void write_reports(struct host_result *r)
{
	size_t count;
	const char *const *names = report_format_names(&count);
	struct host_result *all[] = {r};
	for (size_t i = 0; i < count; i++) {
		const struct report_format *f = report_format(names[i]);
		const struct report_options o = {.verbose = true, .now = 1800000000};
		struct text t = {0};
		if (f->begin)
			f->begin(&t, &o);
		if (f->host)
			f->host(&t, r, &o, 0);
		if (f->end)
			f->end(&t, (const struct host_result *const *)all, 1, r->verdict.code, 20, &o);
		demand(!t.failed, "a report is written");
		for (size_t k = 0; k < t.length; k++) {
			uint8_t c = (uint8_t)t.data[k];
			demand(c >= 0x20 ? c != 0x7f : c == '\n' || c == '\t', "a report without control characters");
		}
		if (!strcmp(names[i], "json")) {
			json_error_t why;
			json_t *j = json_loadb(t.data, t.length, JSON_DECODE_INT_AS_REAL, &why);
			if (!j)
				fprintf(stderr, "%.*s\n%s\n", (int)t.length, t.data, why.text);
			demand(j, "JSON is JSON");
			json_decref(j);
		}
		text_free(&t);
	}
}

static void host_result_begin(struct host_result *r)
{
	*r = (struct host_result){.checked_at = 1800000000, .depth = DEPTH_FULL, .max_age = 86400, .has_point = true};
	NEED(findings_init(&r->findings) == 0 && (r->host = strdup("web01")) && (r->policy = strdup("default")) &&
	     (r->point_label = strdup("web01")));
}

/* What was taken, and put again: digests that are said not to be there may have been anything. */
static void put_again(const struct host_result *r, const struct reader_file *files, size_t size)
{
	struct wire_out w = {0}, v = {0};
	struct host_result again;
	struct reader_file same[2] = {{0}};
	struct error e = {0};
	host_result_begin(&again);
	reader_result_put(&w, r, files, point.count);
	demand(!w.failed && w.length == size, "put again it is as long");
	demand(reader_result_get(w.data, w.length, &point, &parameters, &again, same, &e) == 0, "it is understood again");
	reader_result_put(&v, &again, same, point.count);
	demand(v.length == w.length && !memcmp(v.data, w.data, w.length), "and is the same");
	wire_out_free(&w);
	wire_out_free(&v);
	host_result_free(&again);
}

static void try_result(const uint8_t *data, size_t size)
{
	struct host_result r;
	struct reader_file files[2] = {{0}};
	struct error e = {0};
	host_result_begin(&r);
	if (reader_result_get(data, size, &point, &parameters, &r, files, &e) < 0) {
		demand(e.cls != ERROR_NONE && e.text[0], "a refusal has a reason");
		demand(!r.findings.count && !r.files.count && !r.formats.count && !r.hostname && !r.record && !r.seal.path &&
			   !r.measures.bytes_read && !r.taken_at, "what is refused leaves nothing");
	} else {
		put_again(&r, files, size);
		bool nothing = !r.findings.count;
		findings_seal(&r.findings);
		verdict_decide(&r.findings, parameters.policy, &r.measures, &r.verdict);
		demand(r.verdict.code != CODE_SAFE || !nothing, "nothing found is not safe");
		write_reports(&r);
	}
	host_result_free(&r);
}

static void try_request(const uint8_t *data, size_t size)
{
	struct reader_request r;
	struct error e = {0};
	if (reader_request_get(data, size, &r, &e) < 0) {
		demand(e.cls != ERROR_NONE && e.text[0], "a refusal has a reason");
	} else {
		struct wire_out w = {0}, v = {0};
		struct reader_request again;
		reader_request_put(&w, &r);
		demand(!w.failed && reader_request_get(w.data, w.length, &again, &e) == 0, "put again it is understood");
		reader_request_put(&v, &again);
		demand(v.length == w.length && !memcmp(v.data, w.data, v.length), "and is the same");
		wire_out_free(&w);
		wire_out_free(&v);
		reader_request_free(&again);
	}
	reader_request_free(&r);
}

static void try_confined(const uint8_t *data, size_t size)
{
	struct confinement c, d;
	struct wire_in w, v;
	struct wire_out o = {0};
	wire_in_init(&w, data, size);
	reader_confined_get(&w, &c);
	if (!wire_in_done(&w))
		return;
	reader_confined_put(&o, &c);
	wire_in_init(&v, o.data, o.length);
	reader_confined_get(&v, &d);
	demand(wire_in_done(&v) && d.landlock == c.landlock && d.seccomp == c.seccomp && d.memory == c.memory,
	       "it says the same");
	wire_out_free(&o);
}

/* Neither what lies elsewhere nor a file without anything to do with the restore point. */
static void judge_fd(int fd)
{
	char link[64], path[300];
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof path - 1);
	NEED(n > 0);
	path[n] = 0;
	char all[96];
	snprintf(all, sizeof all, "%s/all/", root);
	demand(!strncmp(path, all, strlen(all)) && !strstr(path, "private"), path);
	demand((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY, "it can only be read");
}

static void judge_answer(enum reader_message kind, const struct wire_out *answer)
{
	if (kind != READER_NAMES && kind != READER_REAL)
		return;
	demand(!memmem(answer->data, answer->length, "elsewhere", 9), "nothing is told of what lies elsewhere");
}

static void try_questions(const uint8_t *data, size_t size)
{
	struct error e = {0};
	autodestroy(reader_keeper_destroy_auto) struct reader_keeper *k =
	    reader_keeper_new(&point, parameters.policy, NULL, &e);
	NEED(k);
	for (int i = 0; i < 64 && size >= 3; i++) {
		size_t len = get_le16(data + 1) < size - 3 ? get_le16(data + 1) : size - 3;
		enum reader_message kind = (enum reader_message)(data[0] % READER_MESSAGES);
		struct wire_in question;
		struct wire_out answer = {0};
		int fd = -1;
		uint8_t *exact = malloc(len + 1);
		NEED(exact);
		memcpy(exact, data + 3, len);
		wire_in_init(&question, exact, len);
		int rc = reader_keeper_answer(k, kind, &question, &answer, &fd, &e);
		demand(rc == 0 || (e.cls != ERROR_NONE && e.text[0]), "a refusal has a reason");
		if (fd >= 0) {
			demand(kind == READER_OPEN || kind == READER_AGAIN, "only an open file comes along");
			judge_fd(fd);
			close(fd);
		}
		if (rc == 0)
			judge_answer(kind, &answer);
		wire_out_free(&answer);
		free(exact);
		data += 3 + len;
		size -= 3 + len;
		if (rc < 0)
			break;
	}
	struct reader_file files[2] = {{.read_whole = true}, {.read_whole = true}};
	(void)!reader_keeper_judge(k, &point, files, 14, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum reader_message kind;
	struct error e = {0};
	size_t length;
	prepare();
	if (!size)
		return 0;
	switch (data[0] % KINDS) {
	case RESULT:
		try_result(data + 1, size - 1);
		break;
	case REQUEST:
		try_request(data + 1, size - 1);
		break;
	case CONFINED:
		try_confined(data + 1, size - 1);
		break;
	case QUESTIONS:
		try_questions(data + 1, size - 1);
		break;
	default:
		if (size > READER_HEAD && reader_head(data + 1, &kind, &length, &e) == 0)
			demand(kind > 0 && kind < READER_MESSAGES, "a message of a kind");
	}
	return 0;
}

/* What an honest reader and gate say. */
static void result_seed(struct wire_out *w, bool full)
{
	struct host_result r = {.taken_at = 1799990000};
	struct reader_file files[2] = {{true, 0}, {full, 3}};
	struct error e;
	NEED(findings_init(&r.findings) == 0);
	for (int p = 0; p < PROOF_COUNT; p++)
		finding_add(&r.findings, (enum proof)p, "a.check", "a.img", full ? OUTCOME_HELD : OUTCOME_BROKEN,
			    &(struct finding_text){.expected = "1", .measured = "2", .offset = 7, .has_offset = true},
			    "said \x1b[2J of it");
	r.measures = (struct measures){.bytes_read = 14, .bytes_decoded = 14, .files_sampled = 2, .files_restored = 2,
				       .restore_seconds = 0.5};
	for (size_t i = 0; i < 2; i++) {
		struct proved_file *f = vec_push(&r.files);
		NEED(f && (f->path = strdup(point.items[i].path)));
		f->size = 7;
		f->has_sha256 = files[i].read_whole;
	}
	NEED(strings_add(&r.formats, "raw") == 0 && (r.hostname = strdup("web01")));
	if (full) {
		r.record = remember_record(&parameters, &r);
		NEED(r.record);
		for (size_t i = 0; i < 2; i++)
			NEED(remember_file(r.record, &r.files.items[i], true, NULL) == 0);
	}
	(void)e;
	reader_result_put(w, &r, files, 2);
	host_result_free(&r);
}

static void question(struct wire_out *w, enum reader_message kind, int number, const char *path)
{
	struct wire_out q = {0};
	if (kind == READER_OPEN || kind == READER_STAT)
		wire_put_u8(&q, (uint8_t)number);
	if (kind == READER_NAMES)
		wire_put_u64(&q, 100);
	if (kind == READER_WRITTEN || kind == READER_AGAIN || kind == READER_CACHED)
		wire_put_u32(&q, (uint32_t)number);
	if (kind == READER_CACHED)
		for (int i = 0; i < 3; i++)
			wire_put_u64(&q, i ? 4096u : 0);
	if (path)
		wire_put_string(&q, path);
	wire_put_u8(w, (uint8_t)kind);
	wire_put_u8(w, (uint8_t)q.length);
	wire_put_u8(w, (uint8_t)(q.length >> 8));
	wire_put(w, q.data, q.length);
	wire_out_free(&q);
}

static void question_seed(struct wire_out *w, struct rng *r)
{
	static const char *const names[] = {
	    "all/web01/a.img", "all/web01/a.img.sha256", "all/web01/leak.sha256", "all/web01/private", "all/web01",
	    "all/SHA256SUMS", "all", "elsewhere/SHA256SUMS", "elsewhere", "all/web01/out/SHA256SUMS", "all/web01/../../elsewhere",
	    "all/web01/below/../a.img.sha256", "all/web01/out", "all/web01/.", "all/./web01/b.img", "", "all/web01/none.sha256"};
	for (uint64_t n = 1 + rng_below(r, 8); n; n--) {
		char path[200];
		enum reader_message kind = (enum reader_message)(READER_OPEN + rng_below(r, 6));
		bool named = kind != READER_WRITTEN && kind != READER_CACHED;
		snprintf(path, sizeof path, "%s/%s", root, names[rng_below(r, ARRAY_SIZE(names))]);
		question(w, kind, (int)rng_below(r, named ? 2 : 3), named ? path : NULL);
	}
}

static size_t seed(struct rng *r, uint8_t *to, size_t most)
{
	struct wire_out w = {0};
	struct confinement c = {.no_new_privs = true, .seccomp = true, .landlock = 3, .memory = 1 << 30, .reader = true};
	struct reader_request q = {.p = parameters, .point = point, .width = 2};
	prepare();
	q.p = parameters;
	q.point = point;
	/* Some more often: that a gate is deceived is worse than that it does not start. */
	unsigned kind = (unsigned[]){RESULT, RESULT, RESULT, QUESTIONS, QUESTIONS, REQUEST, CONFINED}[rng_below(r, 7)];
	wire_put_u8(&w, (uint8_t)kind);
	if (kind == RESULT)
		result_seed(&w, rng_below(r, 2));
	else if (kind == REQUEST)
		reader_request_put(&w, &q);
	else if (kind == CONFINED)
		reader_confined_put(&w, &c);
	else
		question_seed(&w, r);
	size_t n = w.length < most ? w.length : most;
	memcpy(to, w.data, n);
	wire_out_free(&w);
	return n;
}

#ifdef BACKPROOF_LIBFUZZER
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned number);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned number)
{
	struct rng r = {number};
	if (size < 2 || rng_below(&r, 100) == 0)
		return seed(&r, data, most);
	return LLVMFuzzerMutate(data, size, most);
}
#else
#include "corpus.h"

int main(int argc, char **argv)
{
	struct rng r = {argc > 1 ? strtoull(argv[1], NULL, 0) : 1};
	uint64_t mutants = argc > 2 ? strtoull(argv[2], NULL, 0) : 8000;
	test_passed += (int)corpus_replay(argv[0]);
	for (uint64_t i = 0; i < mutants; i++, test_passed++) {
		struct sample s = {malloc(1 << 18), 0};
		NEED(s.p);
		s.len = seed(&r, s.p, 1 << 15);
		for (uint64_t n = i % 8 ? 1 + rng_below(&r, 3) : 0; n && s.len; n--)
			mutate_once(&r, &s);
		uint8_t *exact = malloc(s.len ? s.len : 1);
		NEED(exact);
		memcpy(exact, s.p, s.len);
		LLVMFuzzerTestOneInput(exact, s.len);
		free(exact);
		free(s.p);
	}
	test_bad_here = 0;
	return test_done();
}
#endif
