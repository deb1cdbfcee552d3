/* SPDX-License-Identifier: MIT */
#include "catalog/pieces.h"

#include <errno.h>

#define IS_NUMBER 1u

int piece_next(struct reader *in, struct piece *ret_p)
{
	uint64_t code;

	if (!reader_left(in))
		return 0;
	code = reader_varint(in);
	*ret_p = (struct piece){ .number = code & IS_NUMBER ? code >> 1 : 0,
				 .len = code & IS_NUMBER ? 0 : (size_t)(code >> 1) };
	ret_p->text = reader_take(in, ret_p->len);
	return in->bad || (code & IS_NUMBER && !ret_p->number) ? -EBADMSG : 1;
}

int piece_add(struct buf *list, const struct piece *p)
{
	int r = buf_add_varint(list, p->number ? p->number << 1 | IS_NUMBER : (uint64_t)p->len << 1);

	return r < 0 || p->number ? r : buf_add(list, p->text, p->len);
}
