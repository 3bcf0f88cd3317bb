// SPDX-License-Identifier: GPL-3.0-or-later
#include "backproof/signature.h"

#include <sys/stat.h>

#include "test.h"

#define TYPE "application/vnd.in-toto+json"
static char dir[] = "/tmp/backproof-signature-XXXXXX";

#include "place.h"

static struct signer *make_key(const char *name)
{
	struct error e = {0};
	struct signer *s = NULL;
	if (signer_create(at(name), &e) == 0)
		s = signer_load(at(name), &e);
	NEED(s);
	return s;
}

static void test_base64(void)
{
	static const char *const good[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}};
	static const char *const bad[] = {"Z", "Zg=", "Zg", "Zh==", "Zm9=", "Zg==Zg==", "Zm9v\n", " Zm9", "Zm9v====", "====", "Z===", "Zm-v"};
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		size_t n = 0;
		char *text = base64_encode(good[i][0], strlen(good[i][0]));
		CHECK_STR(text, good[i][1]);
		uint8_t *back = base64_decode(good[i][1], strlen(good[i][1]), &n);
		NEED(back && n == strlen(good[i][0]));
		CHECK(!memcmp(back, good[i][0], n));
		free(text);
		free(back);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		size_t n;
		CHECK(!base64_decode(bad[i], strlen(bad[i]), &n));
	}
	for (size_t len = 0; len < 70; len++) {
		uint8_t raw[70];
		size_t n = 0;
		struct rng r = {len};
		for (size_t i = 0; i < len; i++)
			raw[i] = (uint8_t)rng_next(&r);
		char *text = base64_encode(raw, len);
		uint8_t *back = base64_decode(text, strlen(text), &n);
		CHECK(back && n == len && !memcmp(back, raw, n));
		free(text);
		free(back);
	}
}

static void test_keys(void)
{
	struct error e = {0};
	struct stat st;
	autodestroy(signer_destroy_auto) struct signer *s = make_key("key");
	CHECK_INT(strlen(signer_id(s)), 64);
	NEED(stat(at("key"), &st) == 0);
	CHECK_INT(st.st_mode & 0777, 0600);
	/* Not over one that is there. */
	CHECK(signer_create(at("key"), &e) < 0);
	NEED(chmod(at("key"), 0640) == 0);
	CHECK(!signer_load(at("key"), &e));
	CHECK(strstr(e.text, "others may read"));
	NEED(chmod(at("key"), 0600) == 0);
	CHECK(!signer_load(at("key.pub"), &e));
	CHECK(!signer_load(at("none"), &e));
	struct trusted_keys k = {0};
	CHECK(trusted_keys_add(&k, at("key.pub"), &e) == 0);
	CHECK(trusted_keys_add(&k, at("key"), &e) == 0);
	NEED(k.items.count == 2);
	CHECK_STR(k.items.items[0].id, signer_id(s));
	CHECK_STR(k.items.items[1].id, signer_id(s));
	/* As minisign and signify write it. */
	char text[200];
	uint8_t raw[42] = "Ed12345678";
	memcpy(raw + 10, k.items.items[0].raw, 32);
	autofree char *encoded = base64_encode(raw, sizeof raw);
	int n = snprintf(text, sizeof text, "untrusted comment: minisign public key 1234\n%s\n", encoded);
	write_file(at("m.pub"), text, (size_t)n);
	CHECK(trusted_keys_add(&k, at("m.pub"), &e) == 0);
	CHECK_STR(k.items.items[2].id, signer_id(s));
	write_file(at("m.pub"), text, (size_t)n - 3);
	CHECK(trusted_keys_add(&k, at("m.pub"), &e) < 0);
	write_file(at("rubbish"), "rubbish", 7);
	CHECK(trusted_keys_add(&k, at("rubbish"), &e) < 0);
	CHECK(trusted_keys_add(&k, at("none"), &e) < 0);
	trusted_keys_free(&k);
}

static void test_envelope(void)
{
	struct error e = {0};
	static const char payload[] = "{\"_type\":\"https://in-toto.io/Statement/v1\"}";
	autodestroy(signer_destroy_auto) struct signer *s = make_key("a"), *other = make_key("b");
	struct trusted_keys mine = {0}, theirs = {0};
	struct text t = {0};
	struct envelope x;
	NEED(trusted_keys_add(&mine, at("a.pub"), &e) == 0 && trusted_keys_add(&theirs, at("b.pub"), &e) == 0);
	NEED(envelope_write(TYPE, payload, strlen(payload), s, &t, &e) == 0);
	NEED(envelope_read(t.data, t.length, TYPE, &mine, &x, &e) == 0);
	CHECK(x.is_signed && x.trusted && x.length == strlen(payload));
	CHECK_STR(x.payload, payload);
	CHECK_STR(x.key_id, signer_id(s));
	envelope_free(&x);
	NEED(envelope_read(t.data, t.length, TYPE, &theirs, &x, &e) == 0);
	CHECK(x.is_signed && !x.trusted);
	envelope_free(&x);
	CHECK(envelope_read(t.data, t.length, "text/plain", &mine, &x, &e) < 0);
	/* Whatever byte is changed: it is no envelope, or not trusted, or says the same all the same. */
	size_t same = 0;
	for (size_t i = 0; i < t.length; i++)
		for (int bit = 0; bit < 8; bit++) {
			t.data[i] = (char)(t.data[i] ^ 1 << bit);
			if (envelope_read(t.data, t.length, TYPE, &mine, &x, &e) == 0) {
				CHECK(!x.trusted || (x.length == strlen(payload) && !memcmp(x.payload, payload, x.length)));
				same += x.trusted;
				envelope_free(&x);
			}
			t.data[i] = (char)(t.data[i] ^ 1 << bit);
		}
	CHECK(same < 8 * 70); /* the name of the key, and white space at the end */
	for (size_t i = 0; i + 1 < t.length; i++)
		CHECK(envelope_read(t.data, i, TYPE, &mine, &x, &e) < 0);
	text_free(&t);
	/* Unsigned, and what nobody writes. */
	NEED(envelope_write(TYPE, payload, strlen(payload), NULL, &t, &e) == 0);
	NEED(envelope_read(t.data, t.length, TYPE, &mine, &x, &e) == 0);
	CHECK(!x.is_signed && !x.trusted);
	envelope_free(&x);
	text_free(&t);
	NEED(envelope_write(TYPE, payload, strlen(payload), s, &t, &e) == 0);
	char *signature = strstr(t.data, "{\"keyid"), twice[2000], *end = strstr(signature, "]}");
	NEED(signature && end);
	snprintf(twice, sizeof twice, "%.*s,%s", (int)(end - t.data), t.data, signature);
	CHECK(envelope_read(twice, strlen(twice), TYPE, &mine, &x, &e) < 0);
	CHECK(strstr(e.text, "more than one"));
	snprintf(twice, sizeof twice, "%s{}", t.data);
	CHECK(envelope_read(twice, strlen(twice), TYPE, &mine, &x, &e) < 0);
	snprintf(twice, sizeof twice, "{\"payloadType\":\"text/plain\",%s", t.data + 1);
	CHECK(envelope_read(twice, strlen(twice), TYPE, &mine, &x, &e) < 0);
	text_free(&t);
	trusted_keys_free(&mine);
	trusted_keys_free(&theirs);
	(void)other;
}

int main(void)
{
	char command[64];
	NEED(mkdtemp(dir));
	RUN(test_base64);
	RUN(test_keys);
	RUN(test_envelope);
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command) || test_done();
}
