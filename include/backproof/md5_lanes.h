// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * MD5 (RFC 1321) of many messages at once on one core. A message's blocks depend on each other, so one alone leaves
 * most of a core idle; messages do not, so as many as a vector has lanes go side by side.
 */
#ifndef BACKPROOF_MD5_LANES_H
#define BACKPROOF_MD5_LANES_H

#include "backproof/base.h"

#define MD5_LANES_MAX 16
#define MD5_SIZE 16

/* Where messages come from and digests go to. Lanes are numbered from 0; all calls are made by the caller's thread. */
struct md5_messages {
	/* The lane begins another message. false: there is no more for it; it is not asked again. */
	bool (*next)(void *ctx, unsigned lane);
	/*
	 * More of the lane's message: > 0 bytes at *data, which stay until the lane is asked again; 0 at its end; < 0
	 * gives the message up: it gets no digest.
	 */
	ssize_t (*more)(void *ctx, unsigned lane, const uint8_t **data);
	void (*done)(void *ctx, unsigned lane, const uint8_t digest[MD5_SIZE]);
};

/*
 * Lanes that there are here: 16 or 8, or 0 where there are none, or where those there are do not give the digests that
 * RFC 1321 lists (found out at the first call): then libcrypto has to do.
 */
unsigned md5_lanes(void);
/* Digests messages in lanes (0 < lanes <= MD5_LANES_MAX) of them at a time until next has no more for any. */
void md5_lanes_run(unsigned lanes, const struct md5_messages *messages, void *ctx);

/* For tests, before threads: kernel `kind` from now on, the best is 0, the last has no lanes. false: not here. */
bool md5_lanes_use(unsigned kind);

#endif
