// SPDX-License-Identifier: GPL-3.0-or-later
/* Proxmox VE backups (VMA): what vma.c and vma_map.c share. Specification: vma_spec.txt of pve-qemu. */
#ifndef IMAGE_VMA_H
#define IMAGE_VMA_H

#include "backproof/digest.h"
#include "backproof/image.h"

#define VMA_BLOCK 4096u
#define VMA_CLUSTER 65536u
#define VMA_CLUSTER_BLOCKS 16u
#define VMA_EXTENT_HEADER 512u
#define VMA_EXTENT_CLUSTERS 59u
#define VMA_DEVICES 256u

/* Clusters that follow each other on a disk and in one extent header, or, anywhere in the file, zeros. */
struct vma_run {
	uint32_t cluster, count;
	uint32_t extent; /* VMA_ZERO: nothing is stored of them */
	uint8_t slot;	 /* of the first in the extent's header */
};
#define VMA_ZERO UINT32_MAX

struct vma_device {
	struct vma *vma;
	char *name; /* NULL: there is no such device */
	uint64_t size;
	bool state; /* the memory of the machine: no disk, clusters beyond size are fine */
	uint64_t next; /* state: the cluster that must come next */
	VEC(struct vma_run) runs; /* sorted by cluster once all are read; then without a gap */
};

/* An extent's header, as far as reading needs it. */
struct vma_extent {
	uint64_t data; /* offset of the first block in the file */
	uint32_t blocks;
	uint8_t device[VMA_EXTENT_CLUSTERS];
	uint32_t cluster[VMA_EXTENT_CLUSTERS];
	uint16_t mask[VMA_EXTENT_CLUSTERS];
	uint16_t rank[VMA_EXTENT_CLUSTERS]; /* blocks stored before this cluster's */
};

struct vma_cache;
struct vma {
	struct source *src;
	uint8_t uuid[16];
	struct vma_device device[VMA_DEVICES];
	VEC(uint64_t) extents; /* offsets of the headers */
	size_t runs;
	struct digest *md5;
	struct vma_cache *cache;
};

/* The MD5 over p with the 16 bytes at `at` taken as zeros is what stands there. Changes p. -1: libcrypto. */
int vma_md5_holds(struct vma *v, uint8_t *p, size_t len, size_t at, bool *holds, struct error *e) must_check;
/* Reads all extent headers from off on to the end of the file: each cluster of each disk must be there once. */
int vma_map_read(struct vma *v, uint64_t off, const struct budget *b, struct error *e) must_check;
/* A disk; borrows the device. */
struct source *vma_disk(struct vma_device *d, struct error *e) must_check;
void vma_map_free(struct vma *v);

#endif
