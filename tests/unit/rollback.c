// SPDX-License-Identifier: GPL-3.0-or-later
/* The way back: which files are one thing, what it is, what is printed for it; and words that a shell reads as they are. */
#include <sys/stat.h>

#include "../../src/report/rollback_units.h"
#include "../../src/report/shell.h"
#include "backproof/rollback.h"
#include "test.h"

static struct error e;

static void make(struct patch_record *r, const char *formats, const char *const *files)
{
	memset(r, 0, sizeof *r);
	r->id = 1;
	r->host = strdup("web01");
	NEED(strings_split(&r->formats, formats) == 0 && strings_add(&r->command, "true") == 0);
	for (; *files; files++) {
		struct history_file *f = vec_push(&r->files);
		NEED(f && (f->path = strdup(*files)));
	}
}

/* All commands of the steps to restore, a line each. */
static char *plan(const char *formats, const char *const *files)
{
	struct patch_record p;
	struct rollback r = {.patch = &p};
	struct text out = {0};
	make(&p, formats, files);
	NEED(rollback_look(&r, &e) == 0 && rollback_plan(&r, &e) == 0);
	vec_each(&r.steps, s)
	{
		if (strcmp(s->title, "Restore") && strncmp(s->title, "What else", 9))
			continue;
		vec_each(&s->lines, l) if (l->is_command) text_printf(&out, "%s\n", l->text);
	}
	rollback_free(&r);
	patch_record_free(&p);
	return out.data ? out.data : strdup("");
}

#define FILES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define PLAN(formats, want, ...)                                                                                       \
	do {                                                                                                           \
		char *got_ = plan(formats, FILES(__VA_ARGS__));                                                        \
		CHECK_STR(got_, want);                                                                                 \
		free(got_);                                                                                            \
	} while (0)
#define PIPE "set -o pipefail\n"
#define TO_DISK "dd of=/dev/DISK bs=4M conv=fsync,nocreat\n"
#define TO_QCOW2(f, from, d)                                                                                           \
	"qemu-img convert -p -n -f " f " -O raw " from " /dev/" d "\nqemu-img convert -p -f " f " -O qcow2 " from       \
	" /SPACE/" d ".qcow2\n"

static void images(void)
{
	PLAN("raw gpt ext4", "dd if=/b/a.img of=/dev/DISK bs=4M conv=fsync,nocreat\n", "/b/a.img");
	PLAN("zstd raw gpt", PIPE "zstd -dc /b/a.img.zst | " TO_DISK, "/b/a.img.zst");
	PLAN("gzip raw", PIPE "gzip -dc /b/a.gz | " TO_DISK, "/b/a.gz");
	PLAN("xz raw", PIPE "xz -dc /b/a.xz | " TO_DISK, "/b/a.xz");
	PLAN("lz4 raw", PIPE "lz4 -dc /b/a.lz4 | " TO_DISK, "/b/a.lz4");
	PLAN("bzip2 raw", PIPE "bzip2 -dc /b/a.bz2 | " TO_DISK, "/b/a.bz2");
	PLAN("lzop raw", PIPE "lzop -dc /b/a.lzo | " TO_DISK, "/b/a.lzo");
	PLAN("zstd gzip raw", PIPE "zstd -dc /b/a.gz.zst | gzip -dc | " TO_DISK, "/b/a.gz.zst");
	/* No name tells: bytes are given, not a name that a program would find wrong. */
	PLAN("gzip raw", PIPE "gzip -dc < /b/backup | " TO_DISK, "/b/backup");
	/* A suffix of what was not found is none. */
	PLAN("raw", "dd if=/b/a.zst of=/dev/DISK bs=4M conv=fsync,nocreat\n", "/b/a.zst");
	PLAN("raw gpt",
	     "dd if=/b/a.img of=/dev/DISK1 bs=4M conv=fsync,nocreat\ndd if=/b/b.img of=/dev/DISK2 bs=4M "
	     "conv=fsync,nocreat\n",
	     "/b/a.img", "/b/b.img");
}

static void pieces(void)
{
	PLAN("zstd raw", PIPE "cat /b/a.zst.aa /b/a.zst.ab /b/a.zst.ba | zstd -dc | " TO_DISK, "/b/a.zst.ba",
	     "/b/a.zst.aa", "/b/a.zst.ab");
	PLAN("raw", PIPE "cat /b/a.img.001 /b/a.img.002 | " TO_DISK, "/b/a.img.002", "/b/a.img.001");
	PLAN("raw", PIPE "cat /b/a.00 /b/a.99 /b/a.100 | " TO_DISK, "/b/a.100", "/b/a.99", "/b/a.00");
	PLAN("gzip raw", PIPE "cat /b/a.gz.part-aa /b/a.gz.part-ab | gzip -dc | " TO_DISK, "/b/a.gz.part-aa",
	     "/b/a.gz.part-ab");
	PLAN("raw", PIPE "cat /b/a.img.aa /b/a.img.yz /b/a.img.zaaa /b/a.img.zaab | " TO_DISK, "/b/a.img.zaab", "/b/a.img.yz",
	     "/b/a.img.zaaa", "/b/a.img.aa");
	PLAN("raw", PIPE "cat /b/a.img.0000 /b/a.img.0001 | " TO_DISK, "/b/a.img.0001", "/b/a.img.0000");
	PLAN("raw", PIPE "cat /b/a.img.00 /b/a.img.0f /b/a.img.10 | " TO_DISK, "/b/a.img.10", "/b/a.img.0f",
	     "/b/a.img.00");
	PLAN("raw", PIPE "cat /b/a.img.part-00 /b/a.img.part-89 /b/a.img.part-9000 | " TO_DISK, "/b/a.img.part-9000",
	     "/b/a.img.part-89", "/b/a.img.part-00");
	/* "xz" is no piece where there is no first one; nor is one of another directory. */
	PLAN("xz raw", PIPE "xz -dc /b/a.img.xz | dd of=/dev/DISK1 bs=4M conv=fsync,nocreat\n"
		       PIPE "xz -dc /c/a.img.xz | dd of=/dev/DISK2 bs=4M conv=fsync,nocreat\n",
	     "/b/a.img.xz", "/c/a.img.xz");
}

static void containers(void)
{
	PLAN("vdi gpt", TO_QCOW2("vdi", "/b/a.vdi", "DISK"), "/b/a.vdi");
	PLAN("vhd gpt", TO_QCOW2("vpc", "/b/a.vhd", "DISK"), "/b/a.vhd");
	PLAN("qcow2", "qemu-img info --backing-chain -f qcow2 /b/a.qcow2\n" TO_QCOW2("qcow2", "/b/a.qcow2", "DISK"),
	     "/b/a.qcow2");
	PLAN("vhdx", "qemu-img info --backing-chain -f vhdx /b/a.vhdx\n" TO_QCOW2("vhdx", "/b/a.vhdx", "DISK"),
	     "/b/a.vhdx");
	/* By its content, where the name is no name of it. */
	PLAN("qcow2", "qemu-img info --backing-chain -f qcow2 /b/a.img\n" TO_QCOW2("qcow2", "/b/a.img", "DISK"),
	     "/b/a.img");
	PLAN("vmdk", TO_QCOW2("vmdk", "/b/a.vmdk", "DISK"), "/b/a.vmdk", "/b/a-flat.vmdk");
	PLAN("vmdk", TO_QCOW2("vmdk", "/b/a.vmdk", "DISK"), "/b/a-s001.vmdk", "/b/a-s002.vmdk", "/b/a.vmdk");
	PLAN("zstd vdi", PIPE "zstd -dc /b/a.vdi.zst > /SPACE/restore.vdi\n"
		TO_QCOW2("vdi", "/SPACE/restore.vdi", "DISK"), "/b/a.vdi.zst");
	PLAN("ova", "tar -x -C /SPACE -f /b/a.ova\nqemu-img convert -p -n -f vmdk -O raw /SPACE/NAME.vmdk /dev/DISK\n",
	     "/b/a.ova");
	PLAN("zstd vma", "qmrestore /b/vzdump-qemu-100.vma.zst VMID\n", "/b/vzdump-qemu-100.vma.zst",
	     "/b/vzdump-qemu-100.log", "/b/vzdump-qemu-100.vma.zst.notes");
	PLAN("zstd vma", PIPE "zstd -dc < /b/x | qmrestore - VMID\n", "/b/x");
	PLAN("ewf", PIPE "ewfexport -q -u -f raw -t - /b/a.E01 | " TO_DISK, "/b/a.E02", "/b/a.E01", "/b/a.E03");
	PLAN("wim", "wiminfo /b/a.wim\nwimapply /b/a.wim INDEX /dev/PARTITION\n", "/b/a.wim");
	PLAN("wim", "wiminfo /b/a.swm\nwimapply /b/a.swm INDEX /dev/PARTITION --ref=/b/a2.swm\n", "/b/a.swm",
	     "/b/a2.swm");
	PLAN("gzip partclone", PIPE "gzip -dc /b/a.partclone.gz | partclone.restore -s - -o /dev/PARTITION\n",
	     "/b/a.partclone.gz");
	PLAN("partclone", "partclone.restore -s /b/a.partclone -o /dev/PARTITION\n", "/b/a.partclone");
	PLAN("gzip partclone ext4", "ocs-sr -g auto -e1 auto -e2 -r -j2 -c -p true restoredisk '2026 img' DISK\n",
	     "/p/2026 img/clonezilla-img", "/p/2026 img/parts", "/p/2026 img/disk", "/p/2026 img/sda-pt.sf",
	     "/p/2026 img/sda1.ext4-ptcl-img.gz.aa", "/p/2026 img/sda1.ext4-ptcl-img.gz.ab");
	PLAN("qcow2", "qemu-img info --backing-chain -f qcow2 /b/a.qcow2\n" TO_QCOW2("qcow2", "/b/a.qcow2", "DISK")
		"virsh define /b/a.xml\n", "/b/a.qcow2", "/b/a.xml");
	PLAN("", "backproof inspect /b/a\n", "/b/a");
}

static void proofs(void)
{
	struct patch_record p;
	struct rollback r = {.patch = &p};
	make(&p, "raw", FILES("/b/it's", "/b/b", "/b/c\\\n"));
	memset(p.files.items[0].sha256, 0xab, 32);
	memset(p.files.items[1].fsverity, 0xcd, 32);
	p.files.items[0].has_sha256 = p.files.items[1].has_fsverity = true;
	NEED(rollback_look(&r, &e) == 0 && rollback_plan(&r, &e) == 0);
	struct rollback_step *s = &r.steps.items[0];
	NEED(s->lines.count == 6);
	CHECK_STR(s->lines.items[0].text, "printf '%s\\n' 'abababababababababababababababababababababababababababababababab"
					  "  /b/it'\\''s' | sha256sum --strict -c -");
	CHECK_STR(s->lines.items[1].text, "test \"$(fsverity digest --compact /b/b)\" = "
					  "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd && echo unchanged "
					  "|| echo 'CHANGED: not what was proved'");
	CHECK(!s->lines.items[2].is_command && strstr(s->lines.items[2].text, "no digest"));
	/* No waiver that is in force counts here. */
	CHECK_STR(s->lines.items[4].text, "backproof check --depth full --max-age 36500d --history none --from '/b/it'\\''s' "
					  "--from /b/b --from $'/b/c\\134\\012' -- web01");
	CHECK(strstr(s->lines.items[5].text, "can't be printed") != NULL);
	rollback_free(&r);
	patch_record_free(&p);
}

static void archives(void)
{
	static const char rest[] = "for d in dev proc sys; do mount --rbind /$d /mnt/restore/$d; done\n"
				   "chroot /mnt/restore sh -c 'grub-install /dev/DISK && update-grub'\n";
	char *want = text_format(PIPE "mountpoint /mnt/restore\nzstd -dc /b/a.tar.zst | tar -x --numeric-owner --xattrs "
				 "--xattrs-include='*' --acls --selinux -p -f - -C /mnt/restore\n%s", rest);
	PLAN("zstd tar", want, "/b/a.tar.zst");
	free(want);
	want = text_format("mountpoint /mnt/restore\ncat /b/a.cpio | (cd /mnt/restore && cpio -idmu "
			   "--no-absolute-filenames)\n%s", rest);
	PLAN("cpio", want, "/b/a.cpio");
	free(want);
}

/* What can't be told is not guessed: the wrong command would write nonsense over a disk. */
static void unclear(void)
{
	/* One name tells of the one, so the other is the other. */
	PLAN("qcow2 raw", "qemu-img info --backing-chain -f qcow2 /b/a.qcow2\n" TO_QCOW2("qcow2", "/b/a.qcow2", "DISK1")
		"dd if=/b/b.img of=/dev/DISK2 bs=4M conv=fsync,nocreat\n", "/b/a.qcow2", "/b/b.img");
	PLAN("qcow2 raw", "backproof inspect /b/a.img\nbackproof inspect /b/b.img\n", "/b/a.img", "/b/b.img");
	PLAN("qcow2 raw", "qemu-img info --backing-chain -f qcow2 /b/a.qcow2\n" TO_QCOW2("qcow2", "/b/a.qcow2", "DISK")
		"backproof inspect /b/b.img\nbackproof inspect /b/c.img\n", "/b/a.qcow2", "/b/b.img", "/b/c.img");
}

/* bash reads each word as what it is of. */
static void words(void)
{
	char all[256], line[1200];
	for (int c = 1; c < 256; c++)
		all[c - 1] = (char)c;
	all[255] = 0;
	const char *const texts[] = {all, "", "a", "-n", "a b", "it's", "''", "$(touch x)", "`x`", "a\nb", "\\", "\\'", "!", "~",
				     "=ls", "*", "{a,b}", "\xff\xfe", "\xe2\x80\xae" "evil", "\x01" "7", "\x1b[0m9", "ünï",
				     "$'x'", "\"", "a#b", "#", "%s", "a\tb", ";", "&", "|", "<", ">", "(", ")"};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct text out = {0}, safe = {0};
		shell_put(&out, texts[i]);
		text_put_safe(&safe, text_str(&out));
		/* Nothing in it that a terminal would not show. */
		CHECK_STR(text_str(&safe), text_str(&out));
		snprintf(line, sizeof line, "/tmp/rollback-words-%d", getpid());
		FILE *f = fopen(line, "w");
		NEED(f && fprintf(f, "printf '%%s.' x %s", text_str(&out)) > 0 && fclose(f) == 0);
		snprintf(line, sizeof line, "bash /tmp/rollback-words-%d", getpid());
		char got[600] = "", want[600];
		f = popen(line, "r");
		NEED(f);
		got[fread(got, 1, sizeof got - 1, f)] = 0;
		pclose(f);
		snprintf(want, sizeof want, "x.%s.", texts[i]);
		CHECK_STR(got, want);
		text_free(&out);
		text_free(&safe);
	}
	snprintf(line, sizeof line, "/tmp/rollback-words-%d", getpid());
	unlink(line);
	struct text out = {0};
	shell_put(&out, "/b/a-1.img.zst");
	CHECK_STR(text_str(&out), "/b/a-1.img.zst");
	text_free(&out);
}

static enum code code_of(struct patch_record *p)
{
	struct rollback r = {.patch = p};
	NEED(rollback_look(&r, &e) == 0);
	enum code c = rollback_code(&r);
	rollback_free(&r);
	return c;
}

static void states(void)
{
	char one[] = "/tmp/rollback-one-XXXXXX", two[] = "/tmp/rollback-two-XXXXXX";
	struct stat st;
	struct patch_record p;
	autoclose int a = mkstemp(one), b = mkstemp(two);
	NEED(a >= 0 && b >= 0 && write(a, "abc", 3) == 3 && write(b, "abc", 3) == 3);
	make(&p, "raw", FILES(one, two));
	for (size_t i = 0; i < 2; i++) {
		struct history_file *f = &p.files.items[i];
		NEED(stat(f->path, &st) == 0);
		f->size = 3, f->inode = st.st_ino;
		f->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	}
	CHECK_INT(code_of(&p), CODE_SAFE);
#define OTHER(field)                                                                                                   \
	do {                                                                                                           \
		p.files.items[1].field++;                                                                              \
		CHECK_INT(code_of(&p), CODE_CANNOT_TELL);                                                              \
		p.files.items[1].field--;                                                                              \
	} while (0)
	OTHER(size);
	OTHER(inode);
	OTHER(mtime_ns);
	struct history_file was = p.files.items[1];
	p.files.items[1].inode = 0;
	p.files.items[1].mtime_ns = 0;
	CHECK_INT(code_of(&p), CODE_CANNOT_TELL);
	p.files.items[1] = was;
	CHECK_INT(code_of(&p), CODE_SAFE);
	unlink(two);
	CHECK_INT(code_of(&p), CODE_CANNOT_TELL);
	unlink(one);
	CHECK_INT(code_of(&p), CODE_NO_BACKUP);
	patch_record_free(&p);
	make(&p, "raw", FILES(NULL));
	CHECK_INT(code_of(&p), CODE_NO_BACKUP);
	patch_record_free(&p);
}

static bool warns(const struct rollback *r, const char *of)
{
	struct strings all = {0};
	bool found = false;
	NEED(rollback_warnings(r, &all) == 0);
	for (size_t i = 0; i < all.count; i++)
		found |= strstr(all.items[i], of) != NULL;
	strings_free(&all);
	return found;
}

static void warnings(void)
{
	struct patch_record p;
	struct waiver w = {.user = (char *)(uintptr_t)"ann", .reason = (char *)(uintptr_t)"it burns"};
	make(&p, "raw", FILES("/nowhere/a.img"));
	struct rollback r = {.patch = &p};
	NEED(rollback_look(&r, &e) == 0);
	CHECK(warns(&r, "NOTHING") && !warns(&r, "SUSPECT") && !warns(&r, "PROVED") && !warns(&r, "last patch"));
	CHECK(!warns(&r, "never started"));
	r.suspect = "odd";
	CHECK(warns(&r, "SUSPECT") && warns(&r, "odd"));
	p.code = CODE_STALE;
	p.waiver = 9;
	CHECK(warns(&r, "NOT PROVED") && warns(&r, "waiver 9") && warns(&r, "stale"));
	r.waiver = &w;
	CHECK(warns(&r, "NOT PROVED") && warns(&r, "ann waived that: it burns"));
	r.later = 5;
	CHECK(warns(&r, "patch 5"));
	p.state = PROGRAM_FAILED;
	CHECK(warns(&r, "never started"));
	rollback_free(&r);
	patch_record_free(&p);
}

int main(void)
{
	RUN(images);
	RUN(pieces);
	RUN(containers);
	RUN(proofs);
	RUN(archives);
	RUN(unclear);
	RUN(words);
	RUN(states);
	RUN(warnings);
	return test_done();
}
