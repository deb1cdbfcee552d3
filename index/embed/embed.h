/* SPDX-License-Identifier: MIT */
/* The static embedder: text -> WordPiece rows of an int8 table -> sum -> unit length (Sentence
 * embeddings by averaging word vectors; the model's README says how it was trained).
 *
 * A model is read by mmap and shared. Thread-safety: safe after embed_open(). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct embed_model;

/* Where the built-in model lies: $BRAINY_MODEL_DIR, else beside the running program (installed or in its
 * build folder), else where this build was configured to find it. Freed by the caller. -ENOENT. */
int embed_find(char **ret_dir);

/* Reads DIR/static256.safetensors and DIR/vocab.txt. -EBADMSG: not a model; *ret_why, freed by the
 * caller, says why. */
int embed_open(const char *dir, struct embed_model **ret_m, char **ret_why);
struct embed_model *embed_close(struct embed_model *m);
unsigned embed_dimensions(const struct embed_model *m);
unsigned embed_vocabulary(const struct embed_model *m);
/* "brainy-static-256", and the BLAKE2b-128 of vocabulary and table, in hex. */
const char *embed_name(const struct embed_model *m);
const char *embed_checksum(const struct embed_model *m);

/* BERT WordPiece (Devlin et al. 2018; Wu et al. 2016): appends the ids of `text` (UTF-8, invalid bytes
 * are U+FFFD and dropped) as native uint32_t to ret_ids, and, when ret_offsets is not NULL, for each
 * the byte offset in `text` where its word begins. Unknown words are dropped. -ENOMEM, -EFBIG beyond 4 GiB.
 */
int embed_tokenise(const struct embed_model *m, const char *text, size_t len, struct buf *ret_ids,
		   struct buf *ret_offsets);

/* Sum of rows into ret_vector (dimensions floats), weight 1 each, or `weights[i]` for ids[i] when not
 * NULL; then divided by its length. No ids: the zero vector. Ids of no row count nothing. */
void embed_vector(const struct embed_model *m, const uint32_t *ids, size_t n, const float *weights,
		  float *ret_vector);
