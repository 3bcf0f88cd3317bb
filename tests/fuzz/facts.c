// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What a tree says about its machine, of hostile files: names, fstab, ssh host keys, what boots, registry hives and
 * all package databases together. What is told has no line breaks where a line was asked for, lies inside, and is
 * told twice alike.
 */
#include "../../src/subject/facts.h"
#include "../../src/subject/windows.h"
#include "backproof/witness.h"
#include "files.h"
#include "mutate.h"

static uint64_t mix(uint64_t sum, const char *s)
{
	return sum * 31 + (s ? hash_bytes(s, strlen(s)) : 7);
}

static void one_line(const char *s)
{
	if (s && (!*s || strchr(s, '\n')))
		abort();
}

static uint64_t told(const struct facts *x)
{
	uint64_t sum = x->root_found + 2u * x->fstab_found + 4u * x->has_boot_dir + 8u * x->windows + 16u * x->unified;
	one_line(x->hostname);
	one_line(x->machine_id);
	const char *const all[] = {x->hostname, x->machine_id, x->system, x->kernel, x->initramfs, x->efi, x->firmware,
				   x->windows_system};
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		sum = mix(sum, all[i]);
	for (size_t i = 0; i < x->ssh_keys.count; i++) {
		one_line(x->ssh_keys.items[i]);
		sum = mix(sum, x->ssh_keys.items[i]);
	}
	vec_each(&x->fstab, l)
	{
		if (!l->spec || !l->mount || !l->type)
			abort();
		sum = mix(mix(mix(mix(sum, l->spec), l->mount), l->type), l->options);
	}
	return sum + x->drives.count;
}

static uint64_t harvest(struct input_files *in, bool windows)
{
	struct tree_reader t = {in, files_read, files_list};
	struct findings f;
	struct error e = {0};
	struct facts x = {0};
	if (findings_init(&f) < 0)
		abort();
	int rc = windows ? windows_harvest(&x, &t, "C:", &f, &e) : facts_harvest(&x, &t, &e);
	if (rc < 0 && (!e.text[0] || e.cls == ERROR_INTERNAL))
		abort();
	uint64_t sum = told(&x) + (uint64_t)rc + f.count;
	facts_free(&x);
	findings_free(&f);
	return sum;
}

static void packages(struct input_files *in)
{
	size_t count;
	const struct package_database *const *db = package_databases(&count);
	struct tree_reader t = {in, files_read, files_list};
	for (size_t i = 0; i < count; i++) {
		struct vouchers v = {.items = NULL};
		struct error e = {0};
		if (db[i]->load(&t, &v, &e) < 0 && (!e.text[0] || e.cls == ERROR_INTERNAL))
			abort();
		vec_each(&v, x)
			if (!*x->path || *x->path == '/' || x->kind >= DIGEST_KINDS || !strncmp(x->path, "../", 3) ||
			    strstr(x->path, "/../"))
				abort();
		vouchers_free(&v);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct input_files in;
	files_split(data, size, &in);
	if (harvest(&in, false) != harvest(&in, false) || harvest(&in, true) != harvest(&in, true))
		abort();
	packages(&in);
	return 0;
}

MUTATE_MAIN(6000, "tests/fuzz/corpus/facts/*")
