/* SPDX-License-Identifier: MIT */
#include "catalog/pack_record.h"
#include "index/query/search.h"

/* Others than the owner of the mount do not learn what else was fetched. */
void search_place(struct search *s, uint64_t ino, struct hit_place *ret)
{
	const struct index_config *config = &s->x->config;
	struct inode i;

	*ret = (struct hit_place){ .tier = "hot", .price.is_timed = true };
	if (inode_get(config->catalog, ino, &i) < 0)
		return;
	ret->tier = inode_tier(config->catalog, &i);
	if (i.packed && config->price && config->price(config->context, &i, s->scope->who != NULL, &ret->price) < 0)
		ret->price = (struct recall_price){ 0 };
}
