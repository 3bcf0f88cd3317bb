// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Hostile passes and keys: what is trusted was signed, what reads as safe contradicts itself nowhere and comes out the
 * same when it is written again; statements are tried by themselves too, as if they had been signed.
 */
#include "backproof/pass.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "backproof/gate.h"
#include "backproof/seal.h"
#include "mutate.h"
#include "signer.h"

/* The public key of fixtures/pass/; whose private half is nowhere. */
#define PUBLIC "fixtures/pass/key.pub"

static struct signer *own;
static struct trusted_keys known;

static void set_up(void)
{
	struct error e = {0};
	own = signer_of_this_run(NULL);
	NEED(trusted_keys_add(&known, PUBLIC, &e) == 0);
}

static void tour(struct pass *p)
{
	static const uint8_t digest[32];
	struct pass_claims c = {.self = "web01", .self_id = "0123456789abcdef0123456789abcdef", .now = p->verified_at};
	struct text why = {0};
	bool ours;
	NEED(p->host && *p->host && p->policy && *p->policy && p->depth && strlen(p->id) == 32);
	NEED(p->verified_at > 0 && p->expires_at >= p->verified_at && text_is_utf8(p->host));
	if (pass_judge(p, &c, &ours, &why) == CODE_SAFE)
		NEED(p->trusted && p->code == CODE_SAFE && p->subjects.count && ours);
	if (pass_judge(p, &c, &ours, &why) == CODE_WAIVED)
		NEED(p->trusted && p->code == CODE_WAIVED && code_can_be_waived((enum code)p->waiver.covers) && ours &&
		     p->waiver.user && p->waiver.reason && p->expires_at <= p->waiver.ends_at);
	c.policy_digest = digest;
	c.now = p->expires_at;
	enum code late = pass_judge(p, &c, &ours, &why);
	NEED(late != CODE_SAFE && late != CODE_WAIVED);
	text_free(&why);
	for (int i = 0; i < PROOF_COUNT; i++)
		NEED(p->proofs[i]);
}

/* Whatever was understood can be said again, and is then understood alike. */
static void again(struct pass *p)
{
	struct error e = {0};
	struct text t = {0};
	struct pass q;
	char id[33];
	memcpy(id, p->id, sizeof id);
	if (pass_write(p, own, &t, &e) < 0)
		abort();
	NEED(pass_open(t.data, t.length, NULL, &q, &e) == 0 && !q.trusted);
	NEED(q.code == p->code && !strcmp(q.host, p->host) && q.verified_at == p->verified_at &&
	     q.expires_at == p->expires_at && q.subjects.count == p->subjects.count && q.waiver.covers == p->waiver.covers &&
	     !q.suspect == !p->suspect && strcmp(q.id, id));
	pass_free(&q);
	text_free(&t);
}

static void try_pass(const char *text, size_t size)
{
	struct error e = {0};
	struct pass p;
	if (pass_open(text, size, &known, &p, &e) < 0) {
		NEED(e.cls != ERROR_NONE && e.text[0] && p.code != CODE_SAFE);
		return;
	}
	tour(&p);
	again(&p);
	pass_free(&p);
}

/* As if somebody who has the key had written it. */
static void try_statement(const char *json, size_t size)
{
	struct error e = {0};
	struct text t = {0};
	NEED(envelope_write(STATEMENT_TYPE, json, size, own, &t, &e) == 0);
	try_pass(t.data, t.length);
	text_free(&t);
}

static void try_key(const uint8_t *data, size_t size)
{
	struct error e = {0};
	struct trusted_keys k = {0};
	char path[40];
	int fd = memfd_create("key", MFD_CLOEXEC);
	NEED(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (trusted_keys_add(&k, path, &e) == 0) {
		char *pem = trusted_key_pem(&k.items.items[0], &e);
		NEED(k.items.count == 1 && strlen(k.items.items[0].id) == 64 && pem);
		free(pem);
	} else {
		NEED(e.text[0] && !k.items.count);
	}
	trusted_keys_free(&k);
	NEED(fchmod(fd, 0600) == 0);
	signer_destroy(signer_load(path, &e));
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!own)
		set_up();
	try_pass((const char *)data, size);
	try_statement((const char *)data, size);
	/* libcrypto takes its time over what is no PEM at all. */
	if (size < 4096 && (memmem(data, size, "-----BEGIN", 10) || (size && *data == 'u')))
		try_key(data, size);
	return 0;
}

MUTATE_MAIN(4000, "fixtures/pass/*[!h]")
