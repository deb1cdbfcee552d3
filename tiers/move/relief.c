/* SPDX-License-Identifier: MIT */
#include "tiers/move/relief.h"

#include "base/cleanup.h"
#include "tiers/file_impl.h"

void relief_get_disk(struct files *f, struct capacity_disk *ret_disk)
{
	struct files_stats stats;
	uint64_t waiting = 0, free_bytes;

	files_get_stats(f, &stats);
	(void) files_get_waiting(f, &waiting);
	free_bytes = stats.free_bytes + stats.withheld_bytes + waiting;
	*ret_disk = (struct capacity_disk){
		.used_bytes = stats.total_bytes - MIN(stats.total_bytes, free_bytes), .total_bytes = stats.total_bytes,
	};
}

bool relief_look(struct relief *rl, struct files *f, bool rehearsal)
{
	bool full;

	relief_get_disk(f, &rl->disk);
	rl->disk.under_way = rl->under_way;
	full = capacity_is_full(&rl->config, &rl->disk);
	if (!rehearsal)
		rl->under_way = full;
	return full;
}

/* What packs save of hot bytes is not known before; that half of them is saved is a careful guess for what ages. */
static uint64_t freed_by(const struct policy_move *m)
{
	switch (m->action == POLICY_PROMOTE ? POLICY_HOT : m->to) {
	case POLICY_WARM:
		return m->bytes_from[POLICY_HOT] / 2;
	case POLICY_COLD:
	case POLICY_AUTO:
		return m->bytes_from[POLICY_HOT] + m->bytes_from[POLICY_WARM] / 2;
	default:
		return 0;
	}
}

static int add_chosen(struct gathering *g, const struct capacity_candidate *c)
{
	struct policy_move move;
	struct inode i;

	capacity_move(c, &move);
	if (inode_get(g->files->catalog, c->ino, &i) < 0)
		return 0;
	/* Moves count plain bytes. */
	if (c->to == POLICY_COLD && c->warm_bytes)
		move.bytes_from[POLICY_WARM] = i.packed;
	return gather_add(g, c->ino, &move);
}

int relief_add(const struct relief *rl, struct gathering *g)
{
	struct capacity_disk disk = rl->disk;
	struct capacity_result result;
	uint64_t freed = 0;
	int r = 0;

	for (size_t k = 0; k < g->n; k++)
		freed += freed_by(&g->items[k].move);
	disk.used_bytes -= MIN(disk.used_bytes, freed);
	capacity_choose(&rl->config, &disk, g->when.cold_attached, g->candidates, g->n_candidates, &result);
	for (size_t k = 0; r >= 0 && k < g->n_candidates; k++)
		if (g->candidates[k].to != POLICY_AUTO)
			r = add_chosen(g, &g->candidates[k]);
	return r;
}
