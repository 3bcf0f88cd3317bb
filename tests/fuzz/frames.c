// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Hostile bytes for the indexes of compressed pieces. The program replays fixtures/frames and seeded mutants of it;
 * with -DBACKPROOF_LIBFUZZER and clang's -fsanitize=fuzzer it is a target. What must hold of any input: what could be
 * read at random to its end is what the stream decodes, and the stream has nothing against it.
 *
 *     frames [seed [mutants]]
 */
#include "frames_agree.h"
#include "mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	(void)agree(data, size);
	return 0;
}

MUTATE_MAIN(6000, "fixtures/frames/*.gz", "fixtures/frames/*.zst", "fixtures/frames/*.xz")
