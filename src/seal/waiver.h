// SPDX-License-Identifier: GPL-3.0-or-later
/* What the writer and the reader of waivers share. */
#ifndef SEAL_WAIVER_H
#define SEAL_WAIVER_H

#include "backproof/waiver.h"

#define WAIVER_STATEMENT "https://in-toto.io/Statement/v1"

struct waiver_statement {
	struct waiver w; /* all that is recorded but id, ending and envelope */
	char asker_key[KEY_ID_SIZE]; /* "": none */
	bool approval;
	struct person approver;
	int64_t approved_at;
};
void waiver_statement_free(struct waiver_statement *s);
/* CORRUPT: none; UNSUPPORTED: of a version that is not known. Frees *out where it fails. */
int waiver_parse(const char *json, size_t length, struct waiver_statement *out, struct error *e) must_check;
/* Of the host's name: statements have no subject without one. */
int waiver_subject_digest(const char *host, uint8_t out[32], struct error *e) must_check;

#endif
