// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Where the kernel keeps a file from changing (fs-verity), it has measured its digest itself. One of another
 * algorithm, size of blocks or with a salt can't be compared: its descriptor tells (linux/fsverity.h).
 */
#include <linux/fsverity.h>
#include <sys/ioctl.h>

#include "backproof/digest.h"
#include "sealing.h"

#define BLOCK_LOG 12

static bool is_comparable(int fd)
{
	struct fsverity_descriptor d = {0};
	struct fsverity_read_metadata_arg arg = {.metadata_type = FS_VERITY_METADATA_TYPE_DESCRIPTOR,
						 .length = sizeof d,
						 .buf_ptr = (uint64_t)(uintptr_t)&d};
	return ioctl(fd, FS_IOC_READ_VERITY_METADATA, &arg) == (int)sizeof d && d.version == 1 &&
	       d.hash_algorithm == FS_VERITY_HASH_ALG_SHA256 && d.log_blocksize == BLOCK_LOG && !d.salt_size;
}

/* true: the same. */
static bool compare(const struct part *pt, struct findings *f)
{
	union {
		struct fsverity_digest head;
		uint8_t room[sizeof(struct fsverity_digest) + 64];
	} m = {.head.digest_size = 64};
	char ours[65], theirs[65];
	if (ioctl(source_fd(pt->source), FS_IOC_MEASURE_VERITY, &m.head) < 0)
		return false;
	bool sha256 = m.head.digest_algorithm == FS_VERITY_HASH_ALG_SHA256 && m.head.digest_size == MERKLE_HASH;
	if (sha256 && !memcmp(m.head.digest, pt->digests[DIGEST_FSVERITY], MERKLE_HASH)) {
		finding_add(f, PROOF_INTEGRITY, "verity.measured", pt->name, OUTCOME_HELD, NULL,
			    "its digest is the one measured by the kernel (fs-verity)");
		return true;
	}
	if (!sha256 || !is_comparable(source_fd(pt->source))) {
		finding_add(f, PROOF_INTEGRITY, "verity.measured", pt->name, OUTCOME_SKIPPED, NULL,
			    "measured by the kernel (fs-verity) with other parameters: not compared");
		return false;
	}
	struct finding_text more = {.expected = hex_encode(m.head.digest, MERKLE_HASH, theirs),
				    .measured = hex_encode(pt->digests[DIGEST_FSVERITY], MERKLE_HASH, ours),
				    .error = ERROR_CORRUPT};
	finding_add(f, PROOF_INTEGRITY, "verity.measured", pt->name, OUTCOME_BROKEN, &more,
		    "its digest is not the one measured by the kernel (fs-verity)");
	return false;
}

size_t sealing_measure(const struct subject *s, struct findings *f)
{
	size_t same = 0;
	for (size_t i = 0; i < s->part_count; i++)
		if (s->parts[i].read_whole && source_fd(s->parts[i].source) >= 0)
			same += compare(&s->parts[i], f);
	return same;
}
