// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Keys, signatures, passes, waivers and seals while the Nth allocation, call of libcrypto, read or look at a file fails:
 * for every N it is told, or what comes of it is what would have come. Nothing that could not be verified is trusted.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "backproof/pass.h"
#include "backproof/seal.h"
#include "backproof/sweep.h"
#include "backproof/verdict.h"
#include "backproof/waiver.h"
#include "test.h"

enum kind { ALLOCATION, CRYPTO, READ, INTERRUPTED, STAT, KINDS };
static int errno_of(enum kind k)
{
	return k == ALLOCATION ? ENOMEM : k == INTERRUPTED ? EINTR : EIO;
}

#include "nth.h"
WRAP_MEMORY(ALLOCATION)
WRAP_FILES(KINDS, KINDS, KINDS)
WRAP(KINDS, int, -1, fsync, (int fd), (fd))
WRAP(ALLOCATION, int, -1, vasprintf, (char **out, const char *f, va_list a), (out, f, a))
WRAP(ALLOCATION, int, -1, __vasprintf_chk, (char **out, int flag, const char *f, va_list a), (out, flag, f, a))
WRAP(STAT, int, -1, fstat64, (int fd, struct stat64 *out), (fd, out))
WRAP(CRYPTO, EVP_MD_CTX *, NULL, EVP_MD_CTX_new, (void), ())
WRAP(CRYPTO, int, 0, EVP_DigestFinal_ex, (EVP_MD_CTX *c, unsigned char *out, unsigned *n), (c, out, n))
WRAP(CRYPTO, int, 0, EVP_DigestSignInit,
     (EVP_MD_CTX *c, EVP_PKEY_CTX **p, const EVP_MD *type, ENGINE *engine, EVP_PKEY *key), (c, p, type, engine, key))
WRAP(CRYPTO, int, 0, EVP_DigestSign,
     (EVP_MD_CTX *c, unsigned char *to, size_t *length, const unsigned char *of, size_t n), (c, to, length, of, n))
WRAP(CRYPTO, int, 0, EVP_DigestVerifyInit,
     (EVP_MD_CTX *c, EVP_PKEY_CTX **p, const EVP_MD *type, ENGINE *engine, EVP_PKEY *key), (c, p, type, engine, key))
WRAP(CRYPTO, int, -1, EVP_DigestVerify,
     (EVP_MD_CTX *c, const unsigned char *is, size_t length, const unsigned char *of, size_t n), (c, is, length, of, n))
WRAP(CRYPTO, int, 0, EVP_Digest,
     (const void *p, size_t n, unsigned char *to, unsigned *length, const EVP_MD *type, ENGINE *engine),
     (p, n, to, length, type, engine))
WRAP(CRYPTO, BIO *, NULL, BIO_new, (const BIO_METHOD *type), (type))
WRAP(CRYPTO, BIO *, NULL, BIO_new_mem_buf, (const void *p, int n), (p, n))
WRAP(CRYPTO, int, 0, PEM_write_bio_PUBKEY, (BIO *b, const EVP_PKEY *key), (b, key))
WRAP(CRYPTO, int, 0, PEM_write_bio_PrivateKey,
     (BIO *b, const EVP_PKEY *key, const EVP_CIPHER *c, const unsigned char *s, int n, pem_password_cb *cb, void *u),
     (b, key, c, s, n, cb, u))
WRAP(CRYPTO, int, -1, i2d_PUBKEY, (const EVP_PKEY *key, unsigned char **to), (key, to))
WRAP(CRYPTO, int, 0, EVP_PKEY_get_raw_public_key, (const EVP_PKEY *key, unsigned char *to, size_t *n), (key, to, n))
WRAP(CRYPTO, EVP_PKEY *, NULL, EVP_PKEY_new_raw_public_key,
     (int type, ENGINE *engine, const unsigned char *p, size_t n), (type, engine, p, n))
WRAP(CRYPTO, int, 0, RAND_bytes, (unsigned char *to, int n), (to, n))

ssize_t __real_read(int fd, void *p, size_t n);
ssize_t __wrap_read(int fd, void *p, size_t n);
ssize_t __wrap_read(int fd, void *p, size_t n)
{
	return fails(READ) || fails(INTERRUPTED) ? -1 : __real_read(fd, p, n);
}

/* Runs the body with the 1st, 2nd, ... call of each kind failing, until there are no more of it. */
#define EACH                                                                                       \
	for (int k_ = 0; k_ < KINDS; k_++)                                                         \
		for (uint64_t n_ = (begin((enum kind)k_, 1), 1); n_ < 100000;                      \
		     n_++, fired ? begin((enum kind)k_, n_) : (end(), (void)(n_ = 100000)))

static char dir[64];
static struct error e;
static struct signer *key;
static struct trusted_keys known;

static char *at(const char *name)
{
	static char buf[4][128];
	static int next;
	char *to = buf[next++ % 4];
	snprintf(to, sizeof buf[0], "%s/%s", dir, name);
	return to;
}

/* One result of a call while something may have failed; `told` counts refusals. */
static uint64_t told;
static void judge(bool done, bool good)
{
	bool hit = fired;
	CHECK(done ? good : hit && e.cls != ERROR_NONE && e.text[0]);
	told += !done;
}

static void keys(void)
{
	told = 0;
	EACH {
		unlink(at("new"));
		unlink(at("new.pub"));
		e = (struct error){0};
		int rc = signer_create(at("new"), &e);
		judge(rc == 0, access(at("new"), F_OK) == 0 && access(at("new.pub"), F_OK) == 0);
		CHECK(rc == 0 || (access(at("new"), F_OK) < 0 && access(at("new.pub"), F_OK) < 0));
	}
	EACH {
		struct signer *s = signer_load(at("key"), &e);
		judge(s, s && !strcmp(signer_id(s), signer_id(key)));
		signer_destroy(s);
	}
	static const char *const names[] = {"key", "key.pub"};
	for (size_t i = 0; i < 2; i++)
		EACH {
			struct trusted_keys k = {0};
			int rc = trusted_keys_add(&k, at(names[i]), &e);
			judge(rc == 0, k.items.count == 1 && !strcmp(k.items.items[0].id, signer_id(key)));
			CHECK(rc == 0 || !k.items.count);
			trusted_keys_free(&k);
		}
	EACH {
		struct trusted_keys k = {0};
		int rc = trusted_keys_add_signer(&k, key, &e);
		judge(rc == 0, k.items.count == 1);
		trusted_keys_free(&k);
	}
	EACH {
		autofree char *pem = trusted_key_pem(&known.items.items[0], &e);
		judge(pem, pem && strstr(pem, "PUBLIC KEY"));
	}
	CHECK(told > 30);
}

static struct pass sample(void)
{
	static char host[] = "web01", policy[] = "default", depth[] = "full", held[] = "held", name[] = "web01.img",
		    user[] = "root", login[] = "alice", reason[] = "now", machine[] = "0123456789abcdef0123456789abcdef",
		    suspect[] = "worm", label[] = "web01-1";
	static struct pass_subject subjects[2];
	static char *reasons[] = {reason};
	struct pass p = {.host = host, .policy = policy, .depth = depth, .machine_id = machine, .hostname = host,
			 .label = label, .suspect = suspect, .verified_at = 1795000000, .expires_at = 1795003600,
			 .taken_at = 1794990000, .code = CODE_WAIVED};
	p.waiver = (struct pass_waiver){.user = user, .reason = reason, .login = login, .ticket = name,
					.approved_by = user, .covers = CODE_STALE, .recorded_at = 1795000000,
					.ends_at = 1795003600};
	for (int i = 0; i < PROOF_COUNT; i++)
		p.proofs[i] = held;
	for (int i = 0; i < 2; i++)
		subjects[i] = (struct pass_subject){.name = i ? label : name, .size = 5, .has_sha256 = true,
						    .has_fsverity = i};
	p.subjects.items = subjects;
	p.subjects.count = p.subjects.capacity = 2;
	p.reasons = (struct strings){reasons, 1, 1};
	return p;
}

static void passes(void)
{
	struct text whole = {0};
	struct pass p = sample(), q;
	if (pass_write(&p, key, &whole, &e) < 0)
		fprintf(stderr, "%s\n", e.text);
	NEED(whole.length);
	told = 0;
	EACH {
		struct text t = {0};
		int rc = pass_write(&p, key, &t, &e);
		judge(rc == 0, !t.failed && t.length == whole.length);
		text_free(&t);
	}
	EACH {
		int rc = pass_open(text_str(&whole), whole.length, &known, &q, &e);
		judge(rc == 0, q.trusted && !strcmp(q.host, "web01") && q.code == CODE_WAIVED && q.subjects.count == 2 &&
				   q.reasons.count == 1 && q.waiver.login && q.suspect);
		CHECK(rc == 0 || e.cls != ERROR_CORRUPT);
		CHECK(rc == 0 || !q.trusted);
		pass_free(&q);
	}
	CHECK(told > 30);
	text_free(&whole);
}

static void waivers(void)
{
	static char host[] = "web01", reason[] = "zero day", ticket[] = "CHG-1", user[] = "root (sudo: alice)",
		    login[] = "alice", terminal[] = "/dev/pts/1", origin[] = "192.0.2.7", other[] = "root (sudo: bob)",
		    bob[] = "bob";
	struct waiver w = {.id = 1, .host = host, .reason = reason, .ticket = ticket, .user = user, .login = login,
			   .terminal = terminal, .origin = origin, .recorded_at = 1795000000, .ends_at = 1795003600};
	struct person who = {.user = other, .login = bob};
	struct text asked = {0}, whole = {0};
	struct waiver_signatures s;
	NEED(waiver_request(&w, key, &asked, &e) == 0);
	told = 0;
	EACH {
		struct text t = {0};
		int rc = waiver_request(&w, key, &t, &e);
		judge(rc == 0, !t.failed && t.length == asked.length);
		text_free(&t);
	}
	w.envelope = asked.data;
	NEED(waiver_approve(&w, key, &who, 1795000100, &whole, &e) == 0);
	EACH {
		struct text t = {0};
		int rc = waiver_approve(&w, key, &who, 1795000100, &t, &e);
		judge(rc == 0, !t.failed && t.length == whole.length);
		text_free(&t);
	}
	w.envelope = whole.data;
	EACH {
		int rc = waiver_signatures(&w, &known, &s, &e);
		judge(rc == 0, s.approved && s.approver_trusted && s.asker_trusted && !strcmp(s.approver.login, "bob"));
		CHECK(rc == 0 || e.cls != ERROR_CORRUPT);
		waiver_signatures_free(&s);
	}
	w.ended_by = other;
	w.approved_by = bob;
	EACH {
		struct waiver copy = {0};
		if (waiver_copy(&copy, &w) == 0) {
			CHECK(!fired && !strcmp(copy.reason, w.reason) && !strcmp(copy.envelope, w.envelope));
			waiver_free(&copy);
		} else {
			CHECK(fired && !copy.host && !copy.envelope);
			told++;
		}
	}
	CHECK(told > 60);
	text_free(&asked);
	text_free(&whole);
}

static void seals(void)
{
	static uint8_t data[3 * MERKLE_CHUNK + 5];
	struct sweep w = {.mask = 1u << DIGEST_SHA256 | 1u << DIGEST_FSVERITY, .observer = chunks_observe};
	struct seal s = {.sealed_at = 1790000000};
	struct chunks *chunks = w.ctx = chunks_new(&e);
	struct source *src = source_memory(data, sizeof data, "x", &e);
	NEED(chunks && src && sweep_source(src, &w, &e) == 0);
	source_destroy(src);
	struct seal_file *f = vec_push(&s.files);
	NEED(f && (f->name = strdup("web01.img")) && (s.hostname = strdup("web01")) && (s.against = strdup("/dev/sda")));
	f->size = sizeof data;
	memcpy(f->sha256, w.digests[DIGEST_SHA256], 32);
	memcpy(f->fsverity, w.digests[DIGEST_FSVERITY], 32);
	NEED(seal_write(&s, (const struct chunks *const *)&chunks, key, at("web01.img.seal"), &e) == 0);
	told = 0;
	EACH {
		struct seal got;
		struct chunks **tree;
		e = (struct error){0};
		int rc = seal_load(at("web01.img.seal"), &known, &got, &e);
		judge(rc == 0, got.trusted && got.files.count == 1);
		if (rc == 0) {
			int whole = seal_tree_load(&got, &tree, &e);
			judge(whole == 0, whole == 0 && chunks_count(tree[0]) == chunks_count(chunks));
			CHECK(whole == 0 || e.cls != ERROR_CORRUPT);
			if (whole == 0)
				seal_tree_free(tree, 1);
		} else {
			CHECK(e.cls != ERROR_CORRUPT);
		}
		seal_free(&got);
	}
	CHECK(told > 10);
	/* Written while libcrypto or a look at a file fails: the pair that is there is whole. */
	EACH {
		struct seal again;
		struct chunks **tree;
		f->first = f->chunks = 0;
		free(take(s.tree_name));
		int rc = seal_write(&s, (const struct chunks *const *)&chunks, key, at("web01.img.seal"), &e);
		bool hit = fired;
		end();
		NEED(seal_load(at("web01.img.seal"), &known, &again, &(struct error){0}) == 0 && again.trusted);
		NEED(seal_tree_load(&again, &tree, &(struct error){0}) == 0);
		seal_tree_free(tree, 1);
		seal_free(&again);
		fired = hit;
		judge(rc == 0, true);
	}
	chunks_destroy(chunks);
	seal_free(&s);
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");
	char cmd[100];
	snprintf(dir, sizeof dir, "%.40s/fault-passes.XXXXXX", tmp ? tmp : "/tmp");
	NEED(mkdtemp(dir) && signer_create(at("key"), &e) == 0);
	NEED((key = signer_load(at("key"), &e)) && trusted_keys_add(&known, at("key.pub"), &e) == 0);
	RUN(keys);
	RUN(passes);
	RUN(waivers);
	RUN(seals);
	signer_destroy(key);
	trusted_keys_free(&known);
	snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
	NEED(system(cmd) == 0);
	return test_done();
}
