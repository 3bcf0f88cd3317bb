// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Hostile signed waivers: what a history might hold in their place, as it is and as a statement that a key of ours has
 * signed. One holds only when a second person signed exactly what the row says.
 */
#include "backproof/waiver.h"

#include <sys/stat.h>

#include "backproof/gate.h"
#include "backproof/seal.h"
#include "backproof/text.h"
#include "mutate.h"
#include "signer.h"

#define T0 INT64_C(1795000000)

static struct signer *own;
static struct trusted_keys known;

static void set_up(void)
{
	own = signer_of_this_run(&known);
}

/* As fixtures/waiver/approved.json has it. */
static struct waiver row(char *envelope)
{
	static char host[] = "web01", reason[] = "zero day", ticket[] = "CHG-1", user[] = "root", login[] = "alice";
	return (struct waiver){.host = host, .reason = reason, .ticket = ticket, .user = user, .login = login,
			       .recorded_at = T0, .ends_at = T0 + 7200, .envelope = envelope};
}

static void try_envelope(char *text)
{
	struct error e = {0};
	struct waiver_signatures s;
	struct text why = {0}, again = {0};
	struct policy p = {.waivers = WAIVERS_SIGNED, .max_waiver = 86400};
	struct waiver w = row(text);
	char *approver = NULL;
	bool read = waiver_signatures(&w, &known, &s, &e) == 0;
	NEED(read || (e.cls != ERROR_NONE && e.text[0]));
	enum waiver_state state = waiver_judge(&w, &p, &known, T0 + 7000, &approver, &why);
	NEED((state == WAIVER_HOLDS) == !why.length && (state == WAIVER_HOLDS) == (approver != NULL));
	if (state == WAIVER_HOLDS) {
		NEED(read && s.approved && s.approver_trusted && s.approved_at >= T0 && s.approved_at < T0 + 7200);
		NEED(s.approver.user && *s.approver.user && strcmp(s.asker_key, s.approver_key));
		NEED(!s.approver.login || strcmp(s.approver.login, "alice") || *s.asker_key);
		w.ends_at++;
		free(approver);
		text_free(&why);
		NEED(waiver_judge(&w, &p, &known, T0 + 7000, &approver, &why) == WAIVER_VOID && !approver);
		w.ends_at--;
	}
	/* What is there can be approved once, and is read again. */
	const struct person who = {.user = (char *)"bob", .login = (char *)"bob"};
	if (read && waiver_approve(&w, own, &who, T0 + 60, &again, &e) == 0) {
		struct waiver_signatures both;
		NEED(!s.approved);
		w.envelope = again.data;
		NEED(waiver_signatures(&w, &known, &both, &e) == 0 && both.approved && both.approver_trusted);
		waiver_signatures_free(&both);
	}
	free(approver);
	text_free(&why);
	text_free(&again);
	waiver_signatures_free(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error e = {0};
	struct text t = {0};
	if (!own)
		set_up();
	char *copy = strndup((const char *)data, size);
	NEED(copy);
	try_envelope(copy);
	NEED(envelope_write(STATEMENT_TYPE, data, size, own, &t, &e) == 0);
	try_envelope(t.data);
	/* Behind what somebody has asked for. */
	struct text two = {0};
	struct waiver w = row(NULL);
	NEED(waiver_request(&w, own, &two, &e) == 0);
	text_put(&two, t.data);
	try_envelope(two.data);
	text_free(&two);
	text_free(&t);
	free(copy);
	return 0;
}

MUTATE_MAIN(3000, "fixtures/waiver/*.json")
