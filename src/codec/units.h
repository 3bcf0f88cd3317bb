// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Members, or parts of them, that do not depend on each other are decoded on all cores, ahead of the reader, and
 * given out in their order. Nothing is ever said of damage here: where a unit is not exactly what it was taken for,
 * the feed goes back to its first byte, and member.c decodes from there as if nothing had been tried.
 */
#ifndef CODEC_UNITS_H
#define CODEC_UNITS_H

#include "backproof/pool.h"
#include "member.h"

#define PIECE_UNITS 64
#define AGAIN_LENGTH ((size_t)(24 * KIB))

/* Units in a row that one task decodes. */
struct piece {
	struct task task; /* first: task is piece */
	const struct member_ops *ops;
	void *self; /* a decoder of its own, */
	size_t weight; /* and the memory it has taken */
	struct arena *arena;
	const uint8_t *in;
	struct unit units[PIECE_UNITS];
	size_t count, good; /* units; those that were decoded and held, valid once the task is done */
	size_t length, room, work;
	uint8_t *out;
	size_t out_size, decoded, given; /* of out */
	bool inside, settled;		 /* settled: the task is done, and its units are counted */
	struct {
		size_t count, length; /* no units: nothing is known of what is in out */
		bool inside;
		struct unit units[PIECE_UNITS];
		uint8_t in[AGAIN_LENGTH];
	} last; /* what gave what is in out */
	struct piece *next;
};

struct units {
	const struct member_ops *ops;
	void *self; /* the stream's own decoder */
	struct feed *feed;
	struct piece *first, *last; /* begun, in order */
	struct piece *idle;
	unsigned flying, most;
	size_t memory; /* of all pieces: what is decoded, and decoders */
	size_t grain;  /* the size of a piece that is made of small units */
	uint64_t not_before; /* below this offset nothing can be found */
	unsigned misses;
	bool out_of_memory;
};

/* Does nothing where there is one core, or the codec has no split. */
void units_init(struct units *u, const struct member_ops *ops, void *self, struct feed *f);
void units_release(struct units *u);
/* Begins as many pieces as are allowed. inside: of a member. Fails only where the system has no memory. */
int units_plan(struct units *u, bool inside, struct error *e) must_check;
/* The piece that comes next, done; NULL when there is none. */
struct piece *units_first(struct units *u);
/* Drops the first piece: all of it was given out. */
void units_next(struct units *u);
/* The first piece is not what it seemed, from its first unit on that is not good: the feed goes back there. */
int units_rewind(struct units *u, struct error *e) must_check;

#endif
