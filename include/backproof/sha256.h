// SPDX-License-Identifier: GPL-3.0-or-later
/* SHA-256 of many messages of one length: two at a time on one core, where the processor has instructions for it. */
#ifndef BACKPROOF_SHA256_H
#define BACKPROOF_SHA256_H

#include "backproof/base.h"

#define SHA256_SIZE 32

struct sha256_message {
	const uint8_t *data;
	uint8_t *digest; /* SHA256_SIZE bytes are written */
};

/* All of them have length bytes. -1: libcrypto failed, no digest means anything. Thread-safe. */
int sha256_many(const struct sha256_message *messages, size_t count, size_t length, struct error *e) must_check;

/*
 * true: this processor can, and gave the right digests of known messages when it was first asked. Otherwise libcrypto
 * does the work.
 */
bool sha256_in_pairs(void);
/* For tests: libcrypto does it from now on, or no longer. Not while others use it. */
void sha256_by_libcrypto(bool yes);

#endif
