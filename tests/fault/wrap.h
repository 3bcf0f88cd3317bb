// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Calls that the linker wraps (WRAPPED in the Makefile), so that only those of this program fail. Each asks
 * `bool fails(enum kind)` of the test that includes this, whose kinds are given below.
 */
#ifndef FAULT_WRAP_H
#define FAULT_WRAP_H

#define WRAP(kind, type, failed, name, params, args)                                               \
	type __real_##name params;                                                                 \
	type __wrap_##name params;                                                                 \
	type __wrap_##name params                                                                  \
	{                                                                                          \
		return fails(kind) ? (failed) : __real_##name args;                                \
	}

#define WRAP_MEMORY(kind)                                                                          \
	WRAP(kind, void *, NULL, malloc, (size_t n), (n))                                          \
	WRAP(kind, void *, NULL, calloc, (size_t n, size_t m), (n, m))                             \
	WRAP(kind, void *, NULL, realloc, (void *p, size_t n), (p, n))                             \
	WRAP(kind, char *, NULL, strdup, (const char *s), (s))                                     \
	WRAP(kind, char *, NULL, strndup, (const char *s, size_t n), (s, n))

#define WRAP_FILES(read_kind, write_kind, size_kind)                                               \
	WRAP(read_kind, ssize_t, -1, pread64, (int fd, void *p, size_t n, off64_t o), (fd, p, n, o)) \
	WRAP(write_kind, ssize_t, -1, pwrite64, (int fd, const void *p, size_t n, off64_t o), (fd, p, n, o)) \
	WRAP(write_kind, ssize_t, -1, archive_write_data, (void *a, const void *p, size_t n), (a, p, n)) \
	WRAP(write_kind, int, -30, archive_write_header, (void *a, void *entry), (a, entry))       \
	WRAP(size_kind, int, -1, ftruncate64, (int fd, off64_t n), (fd, n))

#endif
