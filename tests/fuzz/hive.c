// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Hostile bytes for the reader of registry hives. The checksum of the base block is set right, so that mutants get
 * past it. What must hold: every key and value that is found lies inside, and the same question has one answer.
 */
#include "../../src/subject/hive.h"
#include "mutate.h"

static size_t held, broken;

static int show(void *ctx, const struct hive_value *v, struct error *e)
{
	size_t *sum = ctx;
	(void)e;
	for (uint32_t i = 0; v->data && i < v->length; i++)
		*sum += v->data[i];
	*sum += strlen(v->name);
	return 0;
}

static size_t ask(const struct hive *h)
{
	static const char *const paths[] = {"", "Select", "MountedDevices", "Setup", "ControlSet002\\Services\\Tcpip\\Parameters",
					    "Microsoft\\Windows NT\\CurrentVersion", "Microsoft\\Cryptography"};
	size_t sum = 0;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct error e = {0};
		uint32_t key, number = 0;
		autofree char *text = NULL;
		int rc = hive_key(h, h->root, paths[i], &key, &e);
		sum = sum * 31 + (size_t)(rc + 1);
		if (rc <= 0)
			continue;
		sum += (size_t)(hive_values(h, key, show, &sum, &e) + 1);
		sum += (size_t)(hive_text(h, key, "Hostname", &text, &e) + 1) + (text ? strlen(text) : 0);
		sum += (size_t)(hive_number(h, key, "Current", &number, &e) + 1) + number;
	}
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hive h;
	struct error e = {0};
	uint8_t *copy = malloc(size ? size : 1);
	NEED(copy);
	if (size)
		memcpy(copy, data, size);
	uint32_t sum = 0;
	for (size_t i = 0; size >= 512 && i < 508; i += 4)
		sum ^= get_le32(copy + i);
	sum = sum == UINT32_MAX ? UINT32_MAX - 1 : sum ? sum : 1;
	for (int i = 0; size >= 512 && i < 4; i++)
		copy[508 + i] = (uint8_t)(sum >> 8 * i);
	if (hive_open(&h, copy, size, &e) == 0) {
		held++;
		if (ask(&h) != ask(&h))
			abort();
	} else {
		broken++;
		if (!e.text[0])
			abort();
	}
	free(copy);
	return 0;
}

MUTATE_MAIN(6000, "fixtures/windows/hives/*")
