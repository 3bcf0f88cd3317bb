// SPDX-License-Identifier: GPL-3.0-or-later
/* What a tree says about its machine: fstab lines, names, boot files. */
#include "../../src/subject/facts.h"
#include "test.h"

struct file {
	const char *path, *data;
};

static int fake_read(void *ctx, const char *path, size_t max, char **data, size_t *len, int64_t *mtime,
		     struct error *e)
{
	(void)max;
	(void)e;
	for (const struct file *f = ctx; f->path; f++)
		if (!strcmp(f->path, path)) {
			*data = strdup(f->data);
			*len = strlen(f->data);
			if (mtime)
				*mtime = 1;
			return 1;
		}
	return 0;
}

static int fake_list(void *ctx, const char *path, struct strings *names, struct error *e)
{
	size_t n = strlen(path);
	int found = 0;
	(void)e;
	for (const struct file *f = ctx; f->path; f++) {
		if (strncmp(f->path, path, n) || f->path[n] != '/')
			continue;
		char name[256];
		snprintf(name, sizeof name, "%s", f->path + n + 1);
		name[strcspn(name, "/")] = 0;
		found = 1;
		if (!strings_has(names, name))
			CHECK_INT(strings_add(names, name), 0);
	}
	return found;
}

static void harvest(const struct file *files, struct facts *x)
{
	struct error e = {0};
	struct tree_reader t = {(void *)(uintptr_t)files, fake_read, fake_list};
	memset(x, 0, sizeof *x);
	CHECK_INT(facts_harvest(x, &t, &e), 0);
}

static void fstab_lines(void)
{
	struct facts x = {0};
	CHECK_INT(fstab_parse("# comment\n"
			      "  # indented comment\n"
			      "\n"
			      "UUID=\"abc\"\t/  ext4 errors=remount-ro 0 1\n"
			      "LABEL=My\\040Disk /mnt/my\\040disk ext4 defaults,noauto\n"
			      "broken line\n"
			      "/dev/sda5 none swap sw 0 0\r\n"
			      "PARTUUID=1-2 /boot vfat",
			      &x), 0);
	NEED(x.fstab.count == 4);
	CHECK_STR(x.fstab.items[0].spec, "UUID=abc");
	CHECK_STR(x.fstab.items[0].mount, "/");
	CHECK_INT(x.fstab.items[0].line, 4);
	CHECK_STR(x.fstab.items[1].spec, "LABEL=My Disk");
	CHECK_STR(x.fstab.items[1].mount, "/mnt/my disk");
	CHECK_STR(x.fstab.items[1].options, "defaults,noauto");
	CHECK_STR(x.fstab.items[2].type, "swap");
	CHECK_STR(x.fstab.items[3].type, "vfat");
	CHECK(!x.fstab.items[3].options);
	facts_free(&x);
}

static void pools(void)
{
	static const struct file none[] = {{"etc/zfs/zpool.cache", ""}, {NULL, NULL}};
	static const struct file one[] = {{"etc/zfs/zpool.cache", "\1\1"}, {NULL, NULL}};
	struct facts x;
	harvest(none, &x);
	CHECK(!x.zfs_pools);
	facts_free(&x);
	harvest(one, &x);
	CHECK(x.zfs_pools);
	facts_free(&x);
}

static void a_machine(void)
{
	static const struct file files[] = {
		{"etc/hostname", "# set by hand\n\n  web01 \n"},
		{"etc/machine-id", "5f1c0123456789abcdef0123456789ab\n"},
		{"etc/os-release", "NAME=Debian\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n"},
		{"etc/fstab", "UUID=1 / ext4 defaults 0 1\n"},
		{"etc/ssh/ssh_host_ed25519_key.pub",
		 "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl x\n"},
		{"boot/vmlinuz-6.1.0", "MZ"},
		{"boot/initrd.img-6.1.0", "x"},
		{"boot/efi/EFI/BOOT/BOOTX64.EFI", "MZ"},
		{NULL, NULL},
	};
	struct facts x;
	harvest(files, &x);
	CHECK_STR(x.hostname, "web01");
	CHECK_STR(x.machine_id, "5f1c0123456789abcdef0123456789ab");
	CHECK_STR(x.machine_id_from, "etc/machine-id");
	CHECK_STR(x.system, "Debian GNU/Linux 12 (bookworm)");
	CHECK_STR(x.kernel, "boot/vmlinuz-6.1.0");
	CHECK_STR(x.initramfs, "boot/initrd.img-6.1.0");
	CHECK_STR(x.efi, "boot/efi/EFI/BOOT/BOOTX64.EFI");
	CHECK(x.root_found && x.fstab_found && x.has_boot_dir && !x.unified);
	NEED(x.ssh_keys.count == 1);
	/* As ssh-keygen -l shows this key. */
	CHECK_STR(x.ssh_keys.items[0], "ssh-ed25519 SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU");
	facts_free(&x);
}

static void a_container(void)
{
	static const struct file files[] = {
		{"etc/hostname", "ct101"},
		{"var/lib/dbus/machine-id", "00112233445566778899aabbccddeeff\n"},
		{"usr/lib/os-release", "PRETTY_NAME='Alpine'\n"},
		{"boot/efi/readme.txt", "nothing boots here"},
		{NULL, NULL},
	};
	struct facts x;
	harvest(files, &x);
	CHECK_STR(x.hostname, "ct101");
	CHECK_STR(x.machine_id_from, "var/lib/dbus/machine-id");
	CHECK_STR(x.system, "Alpine");
	CHECK(!x.kernel && !x.initramfs && !x.efi && !x.has_boot_dir && !x.fstab_found);
	facts_free(&x);
}

static void a_unified_kernel(void)
{
	static const struct file files[] = {{"boot/efi/EFI/Linux/debian-6.1.efi", "MZ"}, {NULL, NULL}};
	struct facts x;
	harvest(files, &x);
	CHECK(x.unified && x.kernel && x.efi);
	facts_free(&x);
}

/* systemd.mount(5): of the units in /etc those that something wants. */
static void mount_units(void)
{
	static const struct file files[] = {
		{"etc/fstab", "UUID=1 / ext4\n"},
		{"etc/systemd/system/srv-my\\x20data.mount",
		 "[Unit]\nWhat=/dev/no\n[Mount]\n# What=/dev/none\nWhat = /dev/sdz\n\tWhat=\"UUID=2\" \r\n"
		 "Where=/srv/my data\nType=ext4\nOptions=noatime\n[Install]\nWhere=/no\n"},
		{"etc/systemd/system/local-fs.target.wants/srv-my\\x20data.mount", "x"},
		{"etc/systemd/system/multi-user.target.requires/srv-my\\x20data.mount", "x"},
		{"etc/systemd/system/opt.mount", "[Mount]\nWhat=UUID=3\nWhere=/opt"},
		{"etc/systemd/system/local-fs.target.wants/opt.automount", "x"},
		{"etc/systemd/system/unused.mount", "[Mount]\nWhat=UUID=4\nWhere=/unused\n"},
		{"etc/systemd/system/half.mount", "[Mount]\nWhat=\nWhere=/half\n"},
		{"etc/systemd/system/other.mount", "[Mount]\nWhatever=UUID=5\nWhere=/other\n"},
		{"etc/systemd/system/local-fs.target.wants/half.mount", "x"},
		{"etc/systemd/system/local-fs.target.wants/other.mount", "x"},
		{"etc/systemd/system/local-fs.target.wants/gone.mount", "x"},
		{"etc/systemd/system/local-fs.target.wants/.mount", "x"},
		{"etc/systemd/system/timers.target.wants/apt.timer", "x"},
		{NULL, NULL},
	};
	struct facts x;
	harvest(files, &x);
	NEED(x.fstab.count == 3);
	CHECK_STR(x.fstab.items[1].spec, "UUID=2");
	CHECK_STR(x.fstab.items[1].mount, "/srv/my data");
	CHECK_STR(x.fstab.items[1].type, "ext4");
	CHECK_STR(x.fstab.items[1].options, "noatime");
	CHECK_INT(x.fstab.items[1].line, 0);
	CHECK_STR(x.fstab.items[2].mount, "/opt");
	CHECK_STR(x.fstab.items[2].type, "auto");
	CHECK(!x.fstab.items[2].options);
	facts_free(&x);
}

static void same(const char *have, const char *want)
{
	CHECK_STR(have ? have : "none", want ? want : "none");
}

/* Kernels and initramfs where distributions put them. */
static void boot_files(void)
{
	static const struct {
		const char *kernel, *initramfs, *loader, *firmware;
		struct file files[5];
	} rows[] = {
		{"boot/efi/5f1c/6.5.6-300.fc39.x86_64/linux", "boot/efi/5f1c/6.5.6-300.fc39.x86_64/initrd",
		 "boot/efi/EFI/BOOT/BOOTX64.EFI", NULL,
		 {{"boot/efi/5f1c/6.5.6-300.fc39.x86_64/linux", "x"}, {"boot/efi/5f1c/6.5.6-300.fc39.x86_64/initrd", "x"},
		  {"boot/efi/EFI/BOOT/BOOTX64.EFI", "MZ"}}},
		{"boot/kernels/abc-linux-6.1.63-bzImage", "boot/kernels/def-initrd-linux-6.1.63-initrd", NULL, NULL,
		 {{"boot/kernels/abc-linux-6.1.63-bzImage", "x"}, {"boot/kernels/def-initrd-linux-6.1.63-initrd", "x"}}},
		{"boot/EFI/nixos/abc-linux-6.1.63-bzImage.efi", "boot/EFI/nixos/def-initrd-linux-6.1.63-initrd.efi", NULL,
		 NULL,
		 {{"boot/EFI/nixos/abc-linux-6.1.63-bzImage.efi", "MZ"},
		  {"boot/EFI/nixos/def-initrd-linux-6.1.63-initrd.efi", "x"}}},
		{"boot/firmware/kernel8.img", "boot/firmware/initramfs8", NULL, "boot/firmware/start4.elf",
		 {{"boot/firmware/kernel8.img", "x"}, {"boot/firmware/initramfs8", "x"}, {"boot/firmware/start4.elf", "x"}}},
		{NULL, NULL, NULL, NULL, {{"boot/firmware/start4.elf", ""}, {"boot/firmware/start.txt", "x"}}},
		{"boot/zImage", "boot/uInitrd", NULL, NULL, {{"boot/zImage", "x"}, {"boot/uInitrd", "x"}}},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct facts x;
		harvest(rows[i].files, &x);
		same(x.kernel, rows[i].kernel);
		same(x.initramfs, rows[i].initramfs);
		same(x.efi, rows[i].loader);
		same(x.firmware, rows[i].firmware);
		facts_free(&x);
	}
}

/* An initramfs is not missed where all that the boot loader starts does without, and only there. */
static void no_initramfs(void)
{
	static const struct {
		bool without;
		struct file files[4];
	} rows[] = {
		{true, {{"boot/grub/grub.cfg", "# initrd\nmenuentry x {\n\tlinux /vmlinuz root=/dev/sda1\n}\n"}}},
		{true, {{"boot/extlinux/extlinux.conf", "LABEL x\n  KERNEL /vmlinuz\n  APPEND root=/dev/sda1\n"}}},
		{true, {{"boot/loader/entries/x.conf", "title x\nlinux /x/linux"}}},
		{false, {{"boot/grub/grub.cfg", "set linux_gfx_mode=auto\nlinux_gfx_mode=text\nlinuxes are good\n"}}},
		{false, {{"boot/other/grub.conf", "linux /vmlinuz\n"}}},
		{false, {{"boot/grub/grub.cfg", "linux /vmlinuz\ninitrd /initrd.img\n"}}},
		{false, {{"boot/extlinux/extlinux.conf", "KERNEL /vmlinuz\nAPPEND INITRD=/initramfs-lts\n"}}},
		{false, {{"boot/grub/grub.cfg", "linux /vmlinuz\n"}, {"boot/loader/entries/x.conf", "initrd /x\n"}}},
		{false, {{"boot/grub/grub.cfg", "linux /vmlinuz\n"}, {"boot/initrd.img", "x"}}},
		{true, {{"boot/config.txt", "# initramfs\narm_64bit=1\n"}, {"boot/start4.elf", "x"}}},
		{false, {{"boot/config.txt", "kernel kernel8.img\n"}}},
		{false, {{"boot/config.txt", "auto_initramfs=1\n"}, {"boot/start4.elf", "x"}}},
		{false, {{"boot/vmlinuz-6.1.0", "x"}}},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct facts x;
		int before = test_bad_here;
		harvest(rows[i].files, &x);
		CHECK_INT(facts_boots_without_initramfs(&x), rows[i].without);
		if (before != test_bad_here)
			fprintf(stderr, "row %zu\n", i);
		facts_free(&x);
	}
}

/* Where a machine that is not set up by systemd keeps its name; /etc/hostname comes first. */
static void host_names(void)
{
	static const struct {
		const char *name, *from;
		struct file files[3];
	} rows[] = {
		{"web01.example.org", "/etc/HOSTNAME", {{"etc/HOSTNAME", "web01.example.org\n"}}},
		{"web01", "/etc/conf.d/hostname", {{"etc/conf.d/hostname", "# hostname=\"a\"\nhostname=\"web01\" # b\n"}}},
		{"web01", "/etc/conf.d/hostname", {{"etc/conf.d/hostname", "hostname='web00'\n\thostname='web01'"}}},
		{"web01", "/etc/sysconfig/network", {{"etc/sysconfig/network", "NETWORKING=yes\nHOSTNAME=web01\r\nX=y\n"}}},
		{"web01", "/etc/rc.conf", {{"etc/rc.conf", "HOSTNAMES=a\nHOSTNAME=web01 # b\n"}}},
		{NULL, NULL, {{"etc/rc.conf", "HOSTNAME=\n"}, {"etc/sysconfig/network", "X=y\n"}}},
		{"web01", NULL, {{"etc/hostname", "web01\n"}, {"etc/HOSTNAME", "web00\n"}}},
		{"web01", "/etc/HOSTNAME", {{"etc/hostname", "\n"}, {"etc/HOSTNAME", "web01\n"}}},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct facts x;
		harvest(rows[i].files, &x);
		same(x.hostname, rows[i].name);
		same(x.hostname_from, rows[i].from);
		facts_free(&x);
	}
}

static void names_of_one_host(void)
{
	CHECK(same_host("web01", "web01"));
	CHECK(same_host("web01", "WEB01.example.com"));
	CHECK(same_host("web01.example.com", "web01"));
	CHECK(same_host("web01.example.com.", "web01.example.com"));
	CHECK(!same_host("web01", "web02"));
	CHECK(!same_host("web01", "web011"));
	CHECK(!same_host("web0", "web01.example.com"));
	CHECK(!same_host("web01.example.com", "web01.example.org"));
	CHECK(!same_host("web01.example", "web01.example.com"));
	CHECK(!same_host("", "web01"));
	CHECK(!same_host("web01", ""));
}

int main(void)
{
	RUN(fstab_lines);
	RUN(a_machine);
	RUN(pools);
	RUN(a_container);
	RUN(a_unified_kernel);
	RUN(mount_units);
	RUN(boot_files);
	RUN(no_initramfs);
	RUN(host_names);
	RUN(names_of_one_host);
	return test_done();
}
