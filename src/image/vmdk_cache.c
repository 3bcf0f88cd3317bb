// SPDX-License-Identifier: GPL-3.0-or-later
/* The last grain tables and decoded grains. What a slot held makes room for what comes next. */
#include "vmdk.h"

void vmdk_cache_init(struct vmdk_cache *c)
{
	memset(c, 0, sizeof *c);
	pthread_mutex_init(&c->lock, NULL);
}

void vmdk_cache_free(struct vmdk_cache *c)
{
	for (size_t i = 0; i < VMDK_SLOTS; i++)
		free(c->slots[i].data);
	pthread_mutex_destroy(&c->lock);
}

/* Neighbours never share a slot. */
static struct vmdk_slot *slot_of(struct vmdk_cache *c, const void *owner, uint64_t index)
{
	return &c->slots[(index + hash_bytes(&owner, sizeof owner)) % VMDK_SLOTS];
}

bool vmdk_cache_get(struct vmdk_cache *c, const void *owner, uint64_t index, size_t at, void *out, size_t len)
{
	struct vmdk_slot *s = slot_of(c, owner, index);
	pthread_mutex_lock(&c->lock);
	bool found = s->data && s->owner == owner && s->index == index && at <= s->size && len <= s->size - at;
	if (found)
		memcpy(out, s->data + at, len);
	pthread_mutex_unlock(&c->lock);
	return found;
}

void vmdk_cache_put(struct vmdk_cache *c, const void *owner, uint64_t index, uint8_t *data, size_t size)
{
	struct vmdk_slot *s = slot_of(c, owner, index);
	pthread_mutex_lock(&c->lock);
	free(s->data);
	*s = (struct vmdk_slot){owner, index, data, size};
	pthread_mutex_unlock(&c->lock);
}
