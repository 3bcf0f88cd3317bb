// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The subject of a check: a restore point opened down to its files. Built once, looked at by every
 * check. What went wrong while it was opened is already in the findings.
 */
#ifndef BACKPROOF_SUBJECT_H
#define BACKPROOF_SUBJECT_H

#include "backproof/archive.h"
#include "backproof/catalog.h"
#include "backproof/chunks.h"
#include "backproof/format.h"
#include "backproof/fs.h"
#include "backproof/policy.h"
#include "backproof/scratch.h"
#include "backproof/sidecar.h"
#include "backproof/verdict.h"
#include "backproof/volume.h"
#include "backproof/volume_group.h"
#include "backproof/witness.h"

/* A file system that the subject's own fstab names, or a mount unit of it. */
struct fstab_line {
	char *spec;	/* "UUID=...", "/dev/sda1" */
	char *mount;	/* "/", "/boot/efi"; "none" for swap */
	char *type, *options;
	unsigned line; /* 0: of a mount unit */
};

/* A drive letter that a Windows inside has given to a volume of a disk (its MountedDevices). */
struct windows_drive {
	char letter;	   /* 'C' */
	char partuuid[40]; /* of a GPT partition, as in struct volume, or "" */
	char disk_id[12];  /* MBR disk signature, as in struct disk_layout, or "" */
	uint64_t offset;   /* bytes on that disk */
	char volume[40];   /* the GUID in its \\?\Volume{...} name, lower case, or "" */
};

/* A folder that shows another volume, with or without a letter of its own. */
struct windows_folder {
	char *path;	 /* "C:/Databases/DB1" */
	char volume[40]; /* as above */
};

/* What the tree inside says about the machine it came from. Text is untrusted; NULL: not found. */
struct facts {
	bool root_found;  /* a tree with /etc was found */
	bool zfs_pools;	  /* it imports ZFS pools when it starts, whatever its fstab says */
	bool incomplete;  /* not all could be read: what was not found may be there all the same */
	char *root;	  /* subject of the file system or archive it is on */
	char *hostname, *machine_id, *system; /* system: PRETTY_NAME of os-release */
	struct strings other_hosts; /* where the archives of one restore point name several hosts */
	const char *machine_id_from;	      /* path, a literal */
	struct strings ssh_keys;	      /* "ED25519 SHA256:..." */
	bool fstab_found;
	VEC(struct fstab_line) fstab;
	bool has_boot_dir; /* /boot holds anything at all */
	char *kernel, *initramfs, *efi; /* the first that was found: path */
	bool unified;			/* the kernel found is an EFI program with its initramfs inside */
	char *firmware; /* of a board that has no boot sector, such as start4.elf: the first that was found */
	/* Of the boot loaders' configurations: any starts a kernel; any names an initramfs; there is the firmware's. */
	bool kernel_named, initramfs_asked, firmware_config;
	bool boot_code; /* a disk has boot code in its first sector, and in its BIOS boot partition if there is one */
	int64_t newest_log; /* newest mtime under /var/log not in the future, 0: none */
	char *newest_log_path;
	bool windows;		  /* the root is a Windows system volume: what follows is of it */
	char *windows_system;	  /* "Windows/System32", as it is spelt there */
	char windows_letter;	  /* the root's own, by its registry; 0: not known */
	const char *hostname_from; /* a literal; NULL: /etc/hostname */
	VEC(struct windows_drive) drives;
	VEC(struct windows_drive) windows_volumes; /* all that have a \\?\Volume{...} name; letter is 0 */
	VEC(struct windows_folder) folders;	   /* known once the names were gone through */
	int64_t registry_written; /* newest time in its hives; 0: none */
};

struct part;
struct sealed;

/* A disk, wherever it came from: a file, one of several in an image, a volume group. */
struct subject_disk {
	struct part *part;	/* the file it is in; NULL: put together from several */
	char *name;		/* subject of findings: "web01.img.zst", "web.vma:drive-scsi1", "vg0/root" */
	char *device;		/* what names call it: "sda", "drive-scsi1"; or NULL */
	struct source *source;	/* borrowed */
	const struct assembled_volume *assembled; /* of a volume group or array; NULL: a disk by itself */
	struct disk_layout layout;
	bool unread;		/* reading failed before it was known what is on it */
};

/* One volume of a disk and the file system on it. */
struct subject_volume {
	struct subject_disk *disk;
	struct volume *volume; /* borrowed from the disk's layout */
	char *name;	       /* "web01.img.zst:2", or the disk's name when there is no table */
	struct fs *fs;	       /* NULL: none, or not readable here */
	bool needed;	       /* a file system, or something that may hold one */
	struct error *apart;   /* owned: why it is none by itself; more of it may be on a disk that is still to come */
	bool member;	       /* of a volume group that was put together: what is on it is looked at there */
	char *mount;	       /* by the fstab inside, or NULL */
	char *subvolume;       /* the tree of a file system with several that is shown; NULL: the one it gives */
	uint64_t subvolume_id;
	bool alias;	       /* another volume of the list by another of its trees: verified there */
	bool scrubbed;	       /* the file system keeps checksums of all data, and all were right */
	bool verified;	       /* its metadata was walked and nothing was broken */
	bool checksums;	       /* ... and all of it carries checksums */
	int64_t newest;	       /* newest inode change, by the walk; 0 when there was none */
	int64_t newest_named;  /* ... of what has a name, by the trial restore, which goes on at the same time */
};

/* PIECE: the file goes on in it; COMPANION: another file's image reads it; NOTE: no image at all. */
enum part_kind { PART_UNKNOWN, PART_DISK, PART_ARCHIVE, PART_PIECE, PART_COMPANION, PART_NOTE };

enum part_state { PART_NEW, PART_OPENING, PART_OPENED };

/* One file of the restore point. */
struct part {
	const struct point_file *file;
	size_t index;
	char *name;		/* base name: the subject of findings */
	struct source *source;	/* stored bytes */
	enum part_kind kind;
	enum part_state state;
	struct error failure;	/* why it could not be opened; class NONE: it could */
	struct part *head;	/* PIECE and COMPANION: the part that is read through it, or NULL */
	bool image_used;	/* COMPANION: as an image, not only for its bytes */
	bool parent;		/* COMPANION: another image stands on it */
	bool note;		/* no image: read, digested, and given to images that ask for it */
	VEC(struct part *) pieces; /* the files that follow, where it was split: in their order */
	struct strings formats;
	struct source *joined;	/* the stored bytes of a split file at random */
	struct source *bytes;	/* decoded bytes at random; may be == source or == joined */
	struct image image;	/* what is in them; the disk of a raw one is borrowed */
	struct image raw;	/* the bytes as a disk, where another image asked for just that */
	struct findings later;	/* of the image: they count unless it is a companion of which only the bytes are read */
	bool spooled;		/* bytes is a file in scratch */
	bool read_whole;	/* every stored byte was read and digested */
	bool clean_end;		/* every stream came to a proved end */
	bool content_checked;	/* a checksum of the format covers all content */
	uint8_t digests[DIGEST_KINDS][DIGEST_MAX]; /* of the stored bytes, where asked for */
	unsigned digest_mask;
	uint64_t hole_bytes;	/* of those of read_whole: known to be zero, and not asked of the disk */
	uint8_t content_digests[DIGEST_KINDS][DIGEST_MAX];
	unsigned content_mask;
	uint8_t joined_digests[DIGEST_KINDS][DIGEST_MAX]; /* of the stored bytes of all pieces together */
	unsigned joined_mask;
	uint64_t content_size;	/* decoded bytes; 0: not known */
	struct reading *reading; /* stored bytes are digested in the background: see part_join */
	struct chunks *chunks;	/* of the stored bytes, as read; NULL: not asked for, or not read whole */
	/* What the stored bytes must be, by a seal or by history; borrowed. NULL: not known. */
	const struct chunks *known_chunks;
	const char *known_from; /* "seal" or "history"; NULL: nothing is known */
	uint8_t known_digest[MERKLE_HASH]; /* its fs-verity digest */
	const uint8_t *known_sha256; /* ... and its SHA-256, borrowed, or NULL */
	int64_t proved_at; /* by history: when an earlier full check of it began. 0: not known */
	bool sampled;		/* chunks of it were drawn and compared; read_whole too where these were all */
};

struct vouch_result {
	uint64_t known, held, broken, changed, missing, unreadable;
	uint64_t unclear;    /* a program has another checksum than it says, and nobody can tell since when */
	bool kernel_missing; /* a package of the system holds a kernel, which is not there */
	const char *database;
};

/* What changes little from one backup of a machine to the next: for the history. */
struct tree_traits {
	uint64_t entries;  /* files in all file systems or archives; 0: not counted */
	uint64_t *sketch;  /* SKETCH_SIZE of history.h least hashes of their paths, ascending, or NULL. Owned */
	size_t sketch_count;
	uint64_t opaque_bytes, tried_bytes; /* of sampled files: that nothing can compress, of those tried */
	uint64_t tried_files;
	bool spoilt;	   /* a walk broke off: nothing of the kind is known */
};
/* The share that nothing can compress, in millionths. false: too little was tried to tell. */
bool tree_traits_opaque(const struct tree_traits *t, uint32_t *share);

struct sample_result {
	uint64_t chosen, drawn, restored, bytes, witnessed, failed; /* drawn: by lot, of those chosen */
	double seconds;
	bool critical_missing;
	uint64_t opaque_bytes, tried_bytes, tried_files; /* as in struct tree_traits */
};

/* A file whose bytes were proved in an earlier run, and which has not changed since. */
struct known_file {
	size_t index; /* in the restore point's files */
	uint64_t size, device, inode; /* what it was then: another file is not known */
	int64_t mtime_ns, ctime_ns;
	int64_t proved_at; /* when that full check began, in seconds */
	uint8_t fsverity[MERKLE_HASH];
	bool has_sha256;
	uint8_t sha256[32];
	const struct chunks *chunks; /* NULL where it has none */
};

/* A file inside that came out in the trial restore. */
struct manifest_entry {
	char *path; /* in the merged tree, without a leading slash; untrusted text */
	uint64_t size;
	uint32_t mode;
	uint8_t sha256[32];
};
struct manifest {
	VEC(struct manifest_entry) files;
};

/* A file system that is mounted on the machine this runs on. */
struct live_mount {
	char *mount, *device;
	char *uuid; /* NULL: it can't be read */
};
struct live_mounts {
	struct live_mount *items;
	size_t count, capacity;
	bool unknown; /* not all could be found out */
};
/* By /proc/self/mountinfo, or what is like it. To be freed in any case. */
void live_mounts_read(const char *mountinfo, struct live_mounts *out);
void live_mounts_free(struct live_mounts *x);

/* Everything that is given to a check from outside. */
struct check_parameters {
	const struct policy *policy;
	const char *host;
	const char *hostname, *machine_id; /* expected, or NULL */
	bool hostname_given;		   /* by option or configuration, not taken from host */
	const struct strings *disks;	   /* expected disks, or NULL */
	const struct restore_point *previous; /* the restore points before this one, newest first */
	size_t previous_count;
	int64_t now;
	enum depth depth; /* SAMPLE or FULL */
	uint64_t seed;
	const struct live_mounts *live; /* where host is the machine this runs on; else NULL */
	struct scratch *scratch;
	struct budget *budget;
	bool keep_chunks;	/* fill part.chunks of what is read whole: for sealing and for history */
	bool looking;		/* nothing is judged: seals are only opened */
	/*
	 * A seal is about to be made of it: chunks and SHA-256 are taken of all files, also of those that can't be
	 * opened, and the files that came out are noted in the manifest. An older seal beside it says nothing.
	 */
	bool sealing;
	bool remember;		/* a history is kept, though not where this process could reach it */
	struct history *history; /* where runs are remembered; NULL: none is kept, or it can't be used */
	const struct error *history_error; /* why one that is wanted can't, or NULL */
	const struct known_file *known; /* by history */
	size_t known_count;
	bool whole; /* a depth of AUTO is full: what a sample leans on was not enough */
	/* For browsing: each member of an archive is shown to it, and nothing else is done with archives. */
	int (*archive_visit)(void *ctx, const struct archive_member *m, struct archive_reader *r, struct error *e);
	void *archive_ctx;
};

struct subject {
	const struct restore_point *point;
	struct sidecars sidecars;
	struct part *parts;
	size_t part_count;
	VEC(struct subject_disk *) disks;
	VEC(struct volume_set) groups;
	struct image composed;	/* disks that were saved in parts and put together again */
	VEC(struct subject_volume) volumes;
	struct facts facts;
	int64_t newest_member; /* newest mtime in archives not in the future; 0: none */
	bool newest_is_system; /* ... of the archives that hold the system, where there are others too */
	char *newest_member_path;
	bool chain_cut; /* images lie on each other higher than policy has it: what is below was not asked for */
	bool archive; /* at least one part is a system archive */
	struct archive_tree *tree; /* what was kept of the archives while they passed */
	struct vouch_result vouched;
	struct sample_result sample;
	struct measures measures;
	struct sealed *sealed;	/* the seal beside the restore point; NULL: none was found */
	struct chunk_sample chunk_sample;
	/*
	 * When the sample of chunks began the deadline had not come: nothing else was cut short by it. What comes after
	 * the sample must not go by the budget.
	 */
	bool settled_in_time;
	_Atomic unsigned holds; /* see subject_hold */
	pthread_t giver;	/* ... when giving_up */
	bool giving_up;
	struct tree_traits traits;
	struct manifest manifest; /* for sealing */
	int64_t taken_at; /* the oldest clock that counts; 0 until freshness has run, or none */
};

/*
 * Opens all files of a restore point and reads every stored byte once (at depth SAMPLE only what the
 * formats need). -1 only for lack of memory or an internal fault.
 */
int subject_open(struct subject *s, const struct restore_point *point,
		 const struct check_parameters *p, struct findings *f, struct error *e) must_check;
void subject_close(struct subject *s);

/* The merged tree: root file system with the others mounted where its fstab says. */
int subject_lookup(struct subject *s, const char *path, bool follow, struct subject_volume **volume,
		   struct fs_entry *out, struct error *e) must_check;
/*
 * All entries below a path (and what it names itself) in the merged tree, or on one volume alone (only, may be NULL).
 * entry->path is in that tree, without a leading slash. 1: the path is there, 0: it is not, -1: failed or stopped.
 */
typedef int subject_visit_fn(void *ctx, struct subject_volume *v, const struct fs_entry *entry, struct error *e);
int subject_walk(struct subject *s, struct subject_volume *only, const char *path, const struct budget *b,
		 subject_visit_fn *visit, void *ctx, struct error *e) must_check;
/* For package databases and facts. ctx of the reader is the subject. */
struct tree_reader subject_tree(struct subject *s);
/* The file system of a volume opened once more, for a thread of its own; what is new to say goes into f. */
struct fs *subject_reopen(const struct subject_volume *v, struct findings *f, struct error *e) must_check;
/* The same with all its trees: what a walk of all metadata wants. */
struct fs *subject_reopen_whole(const struct subject_volume *v, struct findings *f, struct error *e) must_check;
/*
 * The checks are going to look into the disks: those that do so each say when they are done. When the last is, disks
 * without a format that were decoded to scratch are given up: they can't be read any more. Where somebody will want
 * them later, and where subject_look was not called, they stay until subject_close.
 */
void subject_look(struct subject *s, const struct check_parameters *p);
/* One more who is going to look, and will say that it is done. */
void subject_hold(struct subject *s);
void subject_done(struct subject *s);
/* A file that is soon to be read, by its entry's place and size: see source_expect. */
void subject_expect(const struct subject_volume *v, uint64_t place, uint64_t size);
/* No initramfs was found, and none is missed: the boot loader starts kernels, and names none with any of them. */
bool facts_boots_without_initramfs(const struct facts *x);
/* The volume that an fstab spec or device path names, or NULL. */
struct subject_volume *subject_volume_by_spec(struct subject *s, const char *spec);
/* The volume that a drive letter means, or NULL. */
struct subject_volume *subject_volume_by_drive(struct subject *s, const struct windows_drive *d);
/* The volume that a folder shows, or NULL; *named: the registry knows what it is. */
struct subject_volume *subject_volume_by_folder(struct subject *s, const struct windows_folder *w, bool *named);
/* A line that wants one tree of a file system with several (subvol=, subvolid=). */
bool subvolume_is_named(const struct fstab_line *l);
/* true when an archive holds an entry below the directory (relative path). */
bool subject_archive_holds(const struct subject *s, const char *directory);
/* Waits for background reading; bytes, digests and read_whole are known after it. Its errors become findings. */
void subject_join(struct subject *s, const struct check_parameters *p, struct findings *f);
/*
 * At depth sample, once all else that reads has been done: chunks of the files that are known, by lot, until policy's
 * confidence is reached or the deadline is near. Fills chunk_sample, and read_whole of files of which nothing is left.
 */
void subject_draw_chunks(struct subject *s, const struct check_parameters *p, struct findings *f);
/* The checksums that image formats carry over their content: fills content_checked, and findings. */
void subject_images_verify(struct subject *s, const struct check_parameters *p, struct findings *f);
/* Digests of package files, restored samples: see vouch.c and trial.c. Both fill s and add findings. */
void subject_vouch(struct subject *s, const struct check_parameters *p, struct findings *f);
void subject_trial(struct subject *s, const struct check_parameters *p, struct findings *f);

/* A check: a constant row. */
struct check {
	const char *id;
	enum proof proof;
	const char *says; /* the manual's sentence */
	void (*run)(struct subject *s, const struct check_parameters *p, struct findings *f);
	bool beside; /* runs beside the next row: neither uses what the other finds out */
};
const struct check *const *check_rows(size_t *count);

/* Two names of one host: equal, or one is the short form of the other. Case is ignored. */
bool same_host(const char *a, const char *b);

#endif
