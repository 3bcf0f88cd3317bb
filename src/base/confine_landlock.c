// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Landlock, as the kernel's Documentation/userspace-api/landlock.rst has it. The numbers are written out: the headers
 * of a distribution know fewer rights than the kernel that runs.
 */
#include <errno.h>
#include <sys/syscall.h>

#include "confine.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif
#define CREATE_RULESET_VERSION 1u
#define RULE_PATH_BENEATH 1

/* Rights on files, by bit. */
#define FS_EXECUTE (1ull << 0)
#define FS_WRITE_FILE (1ull << 1)
#define FS_READ_FILE (1ull << 2)
#define FS_READ_DIR (1ull << 3)
#define FS_REMOVE_DIR (1ull << 4)
#define FS_REMOVE_FILE (1ull << 5)
#define FS_MAKE_DIR (1ull << 7)
#define FS_MAKE_REG (1ull << 8)
#define FS_MAKE_SYM (1ull << 12)
#define FS_REFER (1ull << 13)	  /* ABI 2 */
#define FS_TRUNCATE (1ull << 14)  /* ABI 3 */
/* What is allowed in scratch: no execution, no devices, sockets or FIFOs, no ioctl of devices. */
#define FS_ALLOWED                                                                                                     \
	(FS_WRITE_FILE | FS_READ_FILE | FS_READ_DIR | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG |     \
	 FS_MAKE_SYM | FS_REFER | FS_TRUNCATE)

struct ruleset_attr {
	uint64_t handled_fs, handled_net, scoped;
};
struct path_beneath_attr {
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));

/* All that an ABI can refuse is refused. */
static const struct abi {
	uint64_t fs, net, scoped;
	size_t size; /* of the attributes */
} abis[] = {
	{(1ull << 13) - 1, 0, 0, 8},  {(1ull << 14) - 1, 0, 0, 8},  {(1ull << 15) - 1, 0, 0, 8},
	{(1ull << 15) - 1, 3, 0, 16}, {(1ull << 16) - 1, 3, 0, 16}, {(1ull << 16) - 1, 3, 3, 24},
};

static int allow_below(int fd, int directory, const struct abi *abi, struct error *e)
{
	struct path_beneath_attr below = {.allowed = FS_ALLOWED & abi->fs, .fd = directory};
	return directory >= 0 && syscall(SYS_landlock_add_rule, fd, RULE_PATH_BENEATH, &below, 0u) < 0
		       ? error_sys(e, "Landlock, rule for a directory")
		       : 0;
}

static int restrict_self(const struct confine_request *r, const struct abi *abi, struct error *e)
{
	struct ruleset_attr attr = {.handled_fs = abi->fs, .handled_net = abi->net, .scoped = abi->scoped};
	autoclose int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, abi->size, 0u);
	if (fd < 0)
		return error_sys(e, "Landlock");
	if (allow_below(fd, r->directory, abi, e) < 0 || (r->restores && allow_below(fd, r->target, abi, e) < 0))
		return -1;
	return syscall(SYS_landlock_restrict_self, fd, 0u) < 0 ? error_sys(e, "Landlock") : 0;
}

int confine_landlock(const struct confine_request *r, struct confinement *out, struct error *e)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
	if (version < 0)
		/* EPERM: a container whose filter of calls is older than Landlock. */
		return errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM ? 0 : error_sys(e, "Landlock");
	if (version < 1)
		return 0;
	/* Later ABIs have added nothing that can be refused, or something that is not known here. */
	size_t known = version < (long)ARRAY_SIZE(abis) ? (size_t)version : ARRAY_SIZE(abis);
	const struct abi *abi = &abis[known - 1];
	if (restrict_self(r, abi, e) < 0)
		return -1;
	out->landlock = (int)version;
	out->landlock_network = abi->net;
	out->landlock_scope = abi->scoped;
	return 0;
}
