// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * For drivers whose inputs are lists of changes: what the program compares with what is no help to their mutators, and
 * keeping it takes up to a third of the time. The linker puts these in the place of libFuzzer's (Makefile, LISTS).
 */
#ifndef FUZZ_NO_CMP_H
#define FUZZ_NO_CMP_H

#ifdef BACKPROOF_LIBFUZZER
#include <stdint.h>

#define NO_CMP(name, type)                                                                      \
	void __wrap___sanitizer_##name(type, type);                                             \
	__attribute__((no_sanitize("coverage", "address", "undefined"))) void __wrap___sanitizer_##name(type a, type b) \
	{                                                                                       \
		(void)a, (void)b;                                                               \
	}
NO_CMP(cov_trace_cmp1, uint8_t)
NO_CMP(cov_trace_cmp2, uint16_t)
NO_CMP(cov_trace_cmp4, uint32_t)
NO_CMP(cov_trace_cmp8, uint64_t)
NO_CMP(cov_trace_const_cmp1, uint8_t)
NO_CMP(cov_trace_const_cmp2, uint16_t)
NO_CMP(cov_trace_const_cmp4, uint32_t)
NO_CMP(cov_trace_const_cmp8, uint64_t)
#undef NO_CMP
#endif
#endif
