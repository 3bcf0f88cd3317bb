// SPDX-License-Identifier: GPL-3.0-or-later
/* What a Linux machine boots from: kernels, initramfs, boot loaders, and whether they ask for an initramfs at all. */
#include <ctype.h>
#include <strings.h>

#include "backproof/text.h"
#include "facts.h"

#define CONFIG_MAX (1 * MIB)

static bool starts(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

static bool ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);
	return n >= m && !strcasecmp(s + n - m, suffix);
}

static int keep(char **slot, const char *dir, const char *name, struct error *e)
{
	if (*slot)
		return 0;
	*slot = text_format("%s/%s", dir, name);
	return *slot ? 0 : error_nomem(e);
}

/* NixOS names what it copies out of its store HASH-linux-VERSION-bzImage, and behind that .efi for systemd-boot. */
static bool is_kernel(const char *n)
{
	return starts(n, "vmlinuz") || starts(n, "vmlinux") || starts(n, "bzImage") || starts(n, "kernel-") ||
	       !strcmp(n, "linux") || starts(n, "Image") || starts(n, "zImage") || starts(n, "uImage") ||
	       (starts(n, "kernel") && ends(n, ".img")) || ends(n, "-bzImage") || ends(n, "-bzImage.efi");
}

static bool is_initramfs(const char *n)
{
	return starts(n, "initrd") || starts(n, "initramfs") || starts(n, "booster-") || starts(n, "uInitrd") ||
	       ends(n, "-initrd") || ends(n, "-initrd.efi");
}

/* What the processor of a Raspberry Pi starts by itself, off a FAT file system: there is no boot sector. */
static bool is_firmware(const char *n)
{
	return !strcasecmp(n, "bootcode.bin") || (!strncasecmp(n, "start", 5) && ends(n, ".elf"));
}

/* One name among the boot files. Empty directories (/boot of a container) are no boot part. */
static bool is_boot_file(const char *n)
{
	return ends(n, ".efi") || is_kernel(n) || is_initramfs(n) || is_firmware(n);
}

int facts_has_content(const struct tree_reader *t, const char *dir, const char *n, struct error *e)
{
	autofree char *path = text_format("%s/%s", dir, n), *data = NULL;
	size_t len = 0;
	struct error why = {0};
	if (!path)
		return error_nomem(e);
	int rc = t->read(t->ctx, path, 0, &data, &len, NULL, &why);
	if (rc < 0 && why.cls == ERROR_LIMIT)
		return 1; /* longer than the nothing that was asked for */
	if (rc < 0)
		*e = why;
	return rc > 0 ? len > 0 : rc;
}

static int boot_file(struct facts *x, const char *dir, const char *n, struct error *e)
{
	int rc = 0;
	bool stored = ends(n, "-bzImage.efi"), program = ends(n, ".efi") && !stored;
	if (is_kernel(n) && !program)
		rc = keep(&x->kernel, dir, n, e);
	else if (is_initramfs(n))
		rc = keep(&x->initramfs, dir, n, e);
	else if (is_firmware(n))
		rc = keep(&x->firmware, dir, n, e);
	else if (program)
		rc = keep(&x->efi, dir, n, e);
	if (rc == 0 && program && !is_initramfs(n) && strcasestr(dir, "efi/linux")) {
		x->unified = true;
		rc = keep(&x->kernel, dir, n, e);
	}
	if (x->kernel || x->initramfs || x->efi || x->firmware)
		x->has_boot_dir = true;
	return rc;
}

bool facts_is_boot_config(const char *dir, const char *n)
{
	size_t d = strlen(dir);
	return !strcmp(n, "grub.cfg") || !strcmp(n, "extlinux.conf") || !strcmp(n, "syslinux.cfg") ||
	       !strcmp(n, "config.txt") ||
	       (ends(n, ".conf") && d >= 14 && !strcmp(dir + d - 14, "loader/entries"));
}

/* A line "linux /vmlinuz ..." starts a kernel. */
static bool starts_kernel(const char *line)
{
	static const char *const words[] = {"linux", "linux16", "linuxefi", "kernel"};
	size_t n = strcspn(line, " \t");
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i]) == n && line[n] && !strncasecmp(line, words[i], n))
			return true;
	return false;
}

static int read_config(struct facts *x, const char *text, bool of_firmware)
{
	for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n') {
		p += strspn(p, " \t");
		size_t n = strcspn(p, "\n");
		if (*p == '#')
			continue;
		autofree char *line = strndup(p, n);
		if (!line)
			return -1;
		if (strcasestr(line, "initrd") || strcasestr(line, "initramfs"))
			x->initramfs_asked = true;
		else if (!of_firmware && starts_kernel(line))
			x->kernel_named = true;
	}
	x->firmware_config |= of_firmware;
	return 0;
}

/* A configuration that can't be one may ask for an initramfs. */
static int boot_config(struct facts *x, const struct tree_reader *t, const char *dir, const char *n, struct error *e)
{
	autofree char *path = text_format("%s/%s", dir, n), *data = NULL;
	struct error why = {0};
	size_t len = 0;
	if (!path)
		return error_nomem(e);
	int rc = t->read(t->ctx, path, CONFIG_MAX, &data, &len, NULL, &why);
	if (rc < 0 && why.cls != ERROR_LIMIT) {
		*e = why;
		return -1;
	}
	if (rc < 0 || (rc > 0 && memchr(data, 0, len)))
		x->initramfs_asked = true;
	else if (rc > 0 && read_config(x, data, !strcmp(n, "config.txt")) < 0)
		return error_nomem(e);
	return 0;
}

bool facts_boots_without_initramfs(const struct facts *x)
{
	return !x->initramfs && !x->initramfs_asked && (x->kernel_named || (x->firmware && x->firmware_config));
}

/* Directories have no dot in their names, but for those that are called by a kernel's version. */
static bool may_be_directory(const char *n)
{
	return (!strchr(n, '.') || isdigit((unsigned char)*n)) && strcmp(n, "lost+found") != 0;
}

/* A few levels of a directory of boot files are enough. */
static int scan_boot(struct facts *x, const struct tree_reader *t, const char *dir, int depth,
		     struct error *e)
{
	struct strings names = {0};
	int rc = t->list(t->ctx, dir, &names, e);
	for (size_t i = 0; rc >= 0 && i < names.count; i++) {
		const char *n = names.items[i];
		int real = is_boot_file(n) ? facts_has_content(t, dir, n, e) : 0;
		rc = real > 0 ? boot_file(x, dir, n, e) : real;
		if (rc >= 0 && facts_is_boot_config(dir, n))
			rc = boot_config(x, t, dir, n, e);
		if (rc < 0 || depth == 0 || !may_be_directory(n) || is_kernel(n))
			continue;
		autofree char *sub = text_format("%s/%s", dir, n);
		rc = sub ? scan_boot(x, t, sub, depth - 1, e) : error_nomem(e);
	}
	strings_free(&names);
	return rc < 0 ? -1 : 0;
}

static int esp_visit(void *ctx, const struct fs_entry *entry, struct error *e)
{
	struct facts *x = ctx;
	autofree char *dir = strdup(entry->path);
	char *slash = dir ? strrchr(dir, '/') : NULL;
	if (!dir)
		return error_nomem(e);
	const char *name = slash ? slash + 1 : entry->path;
	if (slash)
		*slash = 0;
	return entry->type == ENTRY_FILE && entry->size ? boot_file(x, slash ? dir : "", name, e) : 0;
}

int facts_scan_esp(struct facts *x, struct fs *esp, struct error *e)
{
	return fs_walk(esp, "", NULL, esp_visit, x, e) < 0 ? -1 : 0;
}

int facts_scan_boot(struct facts *x, const struct tree_reader *t, struct error *e)
{
	return scan_boot(x, t, "boot", 4, e) < 0 ? -1 : scan_boot(x, t, "efi", 4, e);
}
