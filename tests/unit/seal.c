// SPDX-License-Identifier: GPL-3.0-or-later
/* Seals written and read again, statements that are wrong, side files that are not what their seal names. */
#include "backproof/seal.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "backproof/digest.h"
#include "backproof/sweep.h"
#include "test.h"

static char dir[] = "/tmp/backproof-seal-XXXXXX";
static struct error e;

#include "place.h"

static char *read_file(const char *path, size_t *length)
{
	FILE *f = fopen(path, "r");
	char *data = calloc(1, 1 << 20);
	NEED(f && data);
	*length = fread(data, 1, (1 << 20) - 1, f);
	fclose(f);
	return data;
}

#define FILES 4
static const uint64_t sizes[FILES] = {5 * MIB + 77, 100, 4097, 3 * MERKLE_CHUNK};
static const char *const names[FILES] = {"web01.img.aa", "note.txt", "web01.img.ab", "\xc3\xa4 \"b\".img"};

/* A seal over made-up files, and the chunks of each. */
static void make(struct seal *s, struct chunks *chunks[FILES], uint64_t salt)
{
	memset(s, 0, sizeof *s);
	s->sealed_at = 1790000000;
	s->taken_at = 1780000000;
	s->hostname = strdup("web01");
	s->system = strdup("Debian \xff GNU\"/Linux");
	s->label = strdup("2026");
	NEED(strings_add(&s->formats, "raw") == 0);
	for (size_t i = 0; i < FILES; i++) {
		struct seal_file *x = vec_push(&s->files);
		uint8_t *data = malloc((size_t)sizes[i]);
		struct rng rng = {salt + i};
		struct sweep w = {.mask = 1u << DIGEST_SHA256 | 1u << DIGEST_FSVERITY, .observer = chunks_observe};
		NEED(x && data && (x->name = strdup(names[i])));
		for (size_t k = 0; k < sizes[i]; k++)
			data[k] = (uint8_t)rng_next(&rng);
		w.ctx = chunks[i] = chunks_new(&e);
		NEED(chunks[i]);
		struct source *src = source_memory(data, (size_t)sizes[i], "x", &e);
		NEED(src && sweep_source(src, &w, &e) == 0);
		source_destroy(src);
		free(data);
		x->size = sizes[i];
		memcpy(x->sha256, w.digests[DIGEST_SHA256], 32);
		memcpy(x->fsverity, w.digests[DIGEST_FSVERITY], 32);
	}
	struct seal_disk *d = vec_push(&s->disks);
	NEED(d && (d->name = strdup("web01.img")) && (d->table = strdup("gpt")));
	d->size = 10 * GIB;
	struct seal_volume *v = vec_push(&s->volumes);
	NEED(v && (v->name = strdup("web01.img:1")) && (v->disk = strdup("web01.img")) && (v->uuid = strdup("1-2")));
	v->offset = MIB;
	v->size = GIB;
	struct seal_entry *x = vec_push(&s->entries);
	NEED(x && (x->path = strdup("/etc/a\nb")));
	x->size = 7;
	x->mode = 0644;
}

static void unmake(struct seal *s, struct chunks *chunks[FILES])
{
	seal_free(s);
	for (size_t i = 0; i < FILES; i++)
		chunks_destroy(chunks[i]);
}

static size_t count_files(void)
{
	DIR *d = opendir(dir);
	size_t n = 0;
	NEED(d);
	for (struct dirent *it; (it = readdir(d));)
		n += it->d_name[0] != '.' || strlen(it->d_name) > 2;
	closedir(d);
	return n;
}

static int write_pair(uint64_t salt, const struct signer *key, char tree[128])
{
	struct seal s;
	struct chunks *chunks[FILES];
	make(&s, chunks, salt);
	int rc = seal_write(&s, (const struct chunks *const *)chunks, key, at("web01.img.aa.seal"), &e);
	snprintf(tree, 128, "%s", s.tree_name ? s.tree_name : "");
	unmake(&s, chunks);
	return rc;
}

/* Everything is there again, and the side file gives the digests. 0: it holds. */
static int load_pair(const struct trusted_keys *keys, bool trusted)
{
	struct seal s;
	struct chunks **tree = NULL;
	if (seal_load(at("web01.img.aa.seal"), keys, &s, &e) < 0)
		return -1;
	CHECK_INT(s.trusted, trusted);
	CHECK_INT(s.files.count, FILES);
	CHECK_INT(s.sealed_at, 1790000000);
	CHECK_STR(s.hostname, "web01");
	CHECK_STR(s.system, "Debian \xef\xbf\xbd GNU\"/Linux");
	CHECK(!s.host && !s.machine_id && !s.against);
	CHECK_STR(s.entries.items[0].path, "/etc/a\nb");
	CHECK_STR(s.volumes.items[0].uuid, "1-2");
	CHECK_STR(s.disks.items[0].table, "gpt");
	CHECK(!s.volumes.items[0].label);
	uint64_t first = 0;
	for (size_t i = 0; i < FILES && i < s.files.count; i++) {
		CHECK_STR(s.files.items[i].name, names[i]);
		CHECK_INT(s.files.items[i].size, sizes[i]);
		CHECK_INT(s.files.items[i].first, first);
		first += s.files.items[i].chunks;
	}
	CHECK_INT(s.tree_size, 8 + 32 * first);
	int rc = seal_tree_load(&s, &tree, &e);
	if (rc == 0) {
		CHECK(!tree[1]);
		CHECK_INT(chunks_count(tree[0]), 11);
		seal_tree_free(tree, s.files.count);
	}
	seal_free(&s);
	return rc;
}

static void round_trip(void)
{
	char tree[128], older[128];
	struct trusted_keys keys = {0};
	CHECK_INT(write_pair(1, NULL, older), 0);
	CHECK_INT(load_pair(NULL, false), 0);
	CHECK_INT(count_files(), 2);
	/* The same again, then another in its place: the older side file goes. */
	CHECK_INT(write_pair(1, NULL, tree), 0);
	CHECK_STR(tree, older);
	CHECK_INT(count_files(), 2);
	NEED(signer_create(at("key"), &e) == 0);
	struct signer *key = signer_load(at("key"), &e);
	NEED(key && trusted_keys_add(&keys, at("key.pub"), &e) == 0);
	/* What others left behind is swept up, and nothing else. */
	write_file(at(".backproof-seal.0123456789abcdef.tmp"), "x", 1);
	write_file(at("web01.img.aa.00112233445566aa.seal-tree"), "x", 1);
	write_file(at("web01.img.ab.00112233445566aa.seal-tree"), "x", 1);
	CHECK_INT(write_pair(2, key, tree), 0);
	CHECK(strcmp(tree, older));
	CHECK_INT(load_pair(&keys, true), 0);
	CHECK_INT(load_pair(NULL, false), 0);
	CHECK_INT(count_files(), 5);
	CHECK(access(at("web01.img.ab.00112233445566aa.seal-tree"), F_OK) == 0);
	unlink(at("web01.img.ab.00112233445566aa.seal-tree"));
	signer_destroy(key);
	trusted_keys_free(&keys);
	unlink(at("key"));
	unlink(at("key.pub"));
}

/* An older seal may name any file for its side file: only one that is its own is removed. */
static void names_a_victim(void)
{
	char tree[128];
	autotext struct text envelope = {0};
	size_t n;
	CHECK_INT(write_pair(3, NULL, tree), 0);
	char *data = read_file(at("web01.img.aa.seal"), &n);
	struct envelope x;
	NEED(envelope_read(data, n, STATEMENT_TYPE, NULL, &x, &e) == 0);
	char *name = strstr(x.payload, tree);
	NEED(name);
	/* As long as the real one, so that the text around it stays. */
	char victim[128];
	snprintf(victim, sizeof victim, "other.img.%0*d.seal-tree", (int)(strlen(tree) - strlen("other.img..seal-tree")), 0);
	NEED(strlen(victim) == strlen(tree));
	memcpy(name, victim, strlen(victim));
	NEED(envelope_write(STATEMENT_TYPE, x.payload, x.length, NULL, &envelope, &e) == 0);
	write_file(at("web01.img.aa.seal"), envelope.data, envelope.length);
	write_file(at(victim), "precious", 8);
	CHECK_INT(write_pair(4, NULL, tree), 0);
	CHECK(access(at(victim), F_OK) == 0);
	CHECK_INT(load_pair(NULL, false), 0);
	unlink(at(victim));
	envelope_free(&x);
	free(data);
}

/* Every byte of the side file changed, and every length of it. */
static void side_files(void)
{
	char tree[128];
	size_t n;
	CHECK_INT(write_pair(5, NULL, tree), 0);
	char *data = read_file(at(tree), &n);
	for (size_t i = 0; i < n; i++) {
		data[i] ^= 1;
		write_file(at(tree), data, n);
		CHECK_INT(load_pair(NULL, false), -1);
		CHECK_INT(e.cls, ERROR_CORRUPT);
		data[i] ^= 1;
		write_file(at(tree), data, i);
		CHECK_INT(load_pair(NULL, false), -1);
		CHECK_INT(e.cls, ERROR_CORRUPT);
	}
	write_file(at(tree), data, n + 1);
	CHECK_INT(load_pair(NULL, false), -1);
	unlink(at(tree));
	CHECK_INT(load_pair(NULL, false), -1);
	CHECK_INT(e.cls, ERROR_IO);
	NEED(mkfifo(at(tree), 0600) == 0);
	CHECK_INT(load_pair(NULL, false), -1);
	unlink(at(tree));
	write_file(at(tree), data, n);
	CHECK_INT(load_pair(NULL, false), 0);
	free(data);
}

/* Chunks that are not the file's are never written down. */
static void wrong_chunks(void)
{
	struct seal s;
	struct chunks *chunks[FILES], *swapped;
	size_t before = count_files();
	make(&s, chunks, 6);
	swapped = chunks[0];
	chunks[0] = chunks[3];
	chunks[3] = swapped;
	CHECK_INT(seal_write(&s, (const struct chunks *const *)chunks, NULL, at("other.seal"), &e), -1);
	chunks[3] = chunks[0];
	chunks[0] = swapped;
	s.files.items[0].fsverity[5] ^= 1;
	CHECK_INT(seal_write(&s, (const struct chunks *const *)chunks, NULL, at("other.seal"), &e), -1);
	s.files.items[0].fsverity[5] ^= 1;
	free(s.files.items[2].name);
	s.files.items[2].name = strdup(names[0]);
	CHECK_INT(seal_write(&s, (const struct chunks *const *)chunks, NULL, at("other.seal"), &e), -1);
	CHECK_INT(e.cls, ERROR_UNSUPPORTED);
	free(s.files.items[2].name);
	s.files.items[2].name = strdup("a\nb");
	CHECK_INT(seal_write(&s, (const struct chunks *const *)chunks, NULL, at("other.seal"), &e), -1);
	CHECK_INT(seal_write(&s, (const struct chunks *const *)chunks, NULL, at("none/other.seal"), &e), -1);
	CHECK_INT(count_files(), before);
	unmake(&s, chunks);
}

/* The statement with one text replaced by another: 0 accepted, else the class of the refusal. */
static int replaced(const char *statement, const char *what, const char *by)
{
	autotext struct text t = {0};
	struct seal s;
	const char *place = strstr(statement, what);
	if (!place)
		fprintf(stderr, "not in the statement: %s\n", what);
	NEED(place);
	text_put_bytes(&t, statement, (size_t)(place - statement));
	text_put(&t, by);
	text_put(&t, place + strlen(what));
	if (seal_parse(t.data, t.length, &s, &e) < 0)
		return (int)e.cls;
	seal_free(&s);
	return 0;
}

static void statements(void)
{
	static const struct {
		const char *what, *by;
		int want;
	} cases[] = {
		{"\"_type\"", "\"_type\"", 0},
		{"{\"_type\"", "{\"later\":[1,{}],\"_type\"", 0},
		{"\"format_version\":\"1.0\"", "\"format_version\":\"1.7\",\"later\":null", 0},
		{"\"size\":100,", "\"size\":100,\"later\":-1,", 0},
		{"\"format_version\":\"1.0\"", "\"format_version\":\"2.0\"", ERROR_UNSUPPORTED},
		{"\"format_version\":\"1.0\"", "\"format_version\":\"11.0\"", ERROR_UNSUPPORTED},
		{"\"format_version\":\"1.0\"", "\"format_version\":\"1\"", ERROR_CORRUPT},
		{"\"format_version\":\"1.0\"", "\"format_version\":\"1.0x\"", ERROR_CORRUPT},
		{"\"format_version\":\"1.0\"", "\"format_version\":1.0", ERROR_CORRUPT},
		{"\"format_version\":\"1.0\",", "", ERROR_CORRUPT},
		{"Statement/v1", "Statement/v2", ERROR_UNSUPPORTED},
		{"in-toto.io/Statement/v1", "in-toto.io/Other/v1", ERROR_CORRUPT},
		{"urn:backproof:seal:v1", "urn:backproof:seal:v2", ERROR_UNSUPPORTED},
		{"urn:backproof:seal:v1", "urn:backproof:pass:v1", ERROR_CORRUPT},
		{"\"sealed_at\":\"2026", "\"sealed_at\":\"x026", ERROR_CORRUPT},
		{"\"sealed_at\":", "\"sealed_atx\":", ERROR_CORRUPT},
		{"\"taken_at\":\"2026", "\"taken_at\":\"1926", ERROR_CORRUPT},
		{"\"hostname\":\"web01\"", "\"hostname\":\"web01\",\"hostname\":\"web02\"", ERROR_CORRUPT},
		{"\"hostname\":\"web01\"", "\"hostname\":[\"web01\"]", ERROR_CORRUPT},
		{"\"hostname\":\"web01\"", "\"hostname\":\"web\\u000001\"", ERROR_CORRUPT},
		{"\"hostname\":\"web01\"", "\"hostname\":\"\"", ERROR_CORRUPT},
		{"\"hostname\":\"web01\"", "\"hostname\":null", ERROR_CORRUPT},
		{"{\"name\":\"note.txt\",\"digest\"", "{\"name\":\"../note.txt\",\"digest\"", ERROR_CORRUPT},
		{"{\"name\":\"note.txt\",\"digest\"", "{\"name\":\"other.txt\",\"digest\"", ERROR_CORRUPT},
		{"{\"name\":\"note.txt\",\"size\"", "{\"name\":\"note.txt/..\",\"size\"", ERROR_CORRUPT},
		{"{\"name\":\"note.txt\",\"size\"", "{\"name\":5,\"size\"", ERROR_CORRUPT},
		{"\"size\":100,", "\"size\":-100,", ERROR_CORRUPT},
		{"\"size\":100,", "\"size\":100.0,", ERROR_CORRUPT},
		{"\"size\":100,", "\"size\":\"100\",", ERROR_CORRUPT},
		{"\"size\":100,", "\"size\":99999999999999999999,", ERROR_CORRUPT},
		{"\"size\":100,", "\"size\":4097,", ERROR_CORRUPT},
		{"\"size\":100,\"first\":11,\"chunks\":0", "\"size\":9223372036854775807,\"first\":11,\"chunks\":17592186044416",
		 ERROR_LIMIT},
		{"\"first\":0,", "\"first\":1,", ERROR_CORRUPT},
		{"\"first\":12,\"chunks\":3", "\"first\":11,\"chunks\":3", ERROR_CORRUPT},
		{"\"chunks\":3", "\"chunks\":4", ERROR_CORRUPT},
		{"\"chunks\":3", "\"chunks\":2", ERROR_CORRUPT},
		{",{\"name\":\"note.txt\",\"size\":100,\"first\":11,\"chunks\":0}", "", ERROR_CORRUPT},
		{"\"tree\":{", "\"tree\":[],\"treex\":{", ERROR_CORRUPT},
		{"\"tree\":{", "\"treex\":{", ERROR_CORRUPT},
		{".seal-tree\"", ".img\"", ERROR_CORRUPT},
		{"\"tree\":{\"name\":\"", "\"tree\":{\"name\":\"../", ERROR_CORRUPT},
		{"\"size\":488,", "\"size\":489,", ERROR_CORRUPT},
		{"\"disks\":[", "\"disks\":[5,", ERROR_CORRUPT},
		{"\"disks\":[", "\"disks\":{},\"x\":[", ERROR_CORRUPT},
		{"\"offset\":1048576", "\"offset\":9223372036854775807", ERROR_CORRUPT},
		{"\"path\":\"/etc", "\"path\":\"etc", ERROR_CORRUPT},
		{"\"mode\":420", "\"mode\":4200000", ERROR_CORRUPT},
		{"\"predicate\":{", "\"predicate\":[{", ERROR_CORRUPT},
		{"\"subject\":[", "\"subject\":[[],", ERROR_CORRUPT},
		{"\"sha256\":\"", "\"sha256\":\"A", ERROR_CORRUPT},
		{"\"fsverity\":\"", "\"fsveritx\":\"", ERROR_CORRUPT},
		{"{\"_type\"", " [{\"_type\"", ERROR_CORRUPT},
	};
	struct seal s;
	struct chunks *chunks[FILES];
	autotext struct text t = {0};
	make(&s, chunks, 7);
	NEED(seal_write(&s, (const struct chunks *const *)chunks, NULL, at("statement.seal"), &e) == 0);
	NEED(seal_statement(&s, &t, &e) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int got = replaced(t.data, cases[i].what, cases[i].by);
		if (got != cases[i].want)
			fprintf(stderr, "%s -> %s: %d (%s)\n", cases[i].what, cases[i].by, got, e.text);
		CHECK_INT(got, cases[i].want);
	}
	/* Trailing data, and every length short of the whole. */
	struct seal back;
	text_put(&t, "{}");
	CHECK_INT(seal_parse(t.data, t.length, &back, &e), -1);
	for (size_t n = 0; n < t.length - 2; n++)
		CHECK_INT(seal_parse(t.data, n, &back, &e), -1);
	CHECK_INT(seal_parse(t.data, t.length - 2, &back, &e), 0);
	seal_free(&back);
	unlink(at("statement.seal"));
	unlink(at(s.tree_name));
	unmake(&s, chunks);
}

static void names_of_seals(void)
{
	static const char *const yes[] = {"a.seal", "web01.img.zst.seal", "a.0011223344556677.seal-tree", "b.seal-tree"};
	static const char *const no[] = {"seal", ".seal", ".seal-tree", "a.seal.gz", "seal-tree", "a.seals", "a.SEAL"};
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		CHECK(seal_is_name(yes[i]));
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		CHECK(!seal_is_name(no[i]));
}

/* Killed at any moment while it replaces one pair by another, and back: what is there holds, and is one of both. */
static void killed(void)
{
	char tree[128];
	struct rng rng = {9};
	CHECK_INT(write_pair(8, NULL, tree), 0);
	for (int i = 0; i < 40; i++) {
		pid_t pid = fork();
		NEED(pid >= 0);
		if (pid == 0) {
			for (uint64_t salt = 8;; salt = 17 - salt)
				if (write_pair(salt, NULL, tree) < 0)
					_exit(1);
		}
		usleep((useconds_t)(1000 + rng_below(&rng, 60000)));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		if (load_pair(NULL, false) < 0) {
			fprintf(stderr, "round %d: %s\n", i, e.text);
			test_bad_here++;
		}
	}
	CHECK_INT(write_pair(8, NULL, tree), 0);
	CHECK_INT(count_files(), 2);
}

int main(void)
{
	NEED(mkdtemp(dir));
	RUN(round_trip);
	RUN(names_a_victim);
	RUN(side_files);
	RUN(killed);
	RUN(wrong_chunks);
	RUN(statements);
	RUN(names_of_seals);
	char command[128];
	snprintf(command, sizeof command, "rm -rf %s", dir);
	NEED(system(command) == 0);
	return test_done();
}
