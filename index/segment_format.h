/* SPDX-License-Identifier: MIT */
/* What the plain bytes of a segment file (segment_file.c) mean, little-endian. Only segment_write.c and
 * segment_disk.c include this.
 *
 *   stored       the stored records (stored.h), one after the other
 *   vectors      from a block's beginning on: int16_t, stride elements a vector, documents in order
 *   codes        groups of 32 one-bit codes (vectors/rabitq.h), in order of the vectors; each list begins a new
 *                group, unused places are zeros: for each eighth of the bits one byte of each code, then float
 *                scale[32], error[32], along[32]
 *   lists        for each: le32 documents, vectors; le16 of its centre, stride elements
 *   postings     of each term (segment.h), in order of the terms
 *   dictionary   chunks of TERMS_PER_CHUNK terms, in memcmp order:
 *                  varint place of the first term's postings in their section, then for each term
 *                  varint bytes shared with the one before, varint further bytes, those bytes,
 *                  varint documents, varint bytes of postings
 *   chunks       for each chunk: varint length and bytes of its first term, varint length of the chunk
 *   documents    DOC_SIZE bytes each: le64 inode, LSN, folder, place of the stored record; le32 its
 *                length, words, first vector, passages; le16 MIME type, u8 language, u8 state
 *   mimes        for each: varint length, bytes
 *   sketches     SKETCH_SIZE bytes each (fingerprint.h), of those documents that have one, in order
 *   contents     CONTENT_SIZE bytes for each document: hash of the file's bytes, zeros for none; le32 number of its
 *                sketch and one, 0 for none
 *   footer       FOOTER_SIZE bytes at the end: magic, le32 version, documents, vectors, dimensions, stride,
 *                terms, chunks, MIME types, lists, lists that a query looks at; le64 seed of the codes'
 *                rotation; for each section above le64 place and length; 64 bytes checksum of the model in
 *                hex, zero-filled
 *
 * Documents, and with them their vectors, come list by list. Version 1 had neither codes nor lists; it is
 * refused, and made again from the files. Version 2 has neither sketches nor contents, and no place for them in its
 * footer; it is read.
 */
#pragma once

#include <stdint.h>

#define TERMS_PER_CHUNK 64u
#define DOC_SIZE 52u
#define FOOTER_MAGIC "BIDXFOOT"
#define FOOTER_VERSION 3u
#define CONTENT_SIZE 20u
#define CHECKSUM_SIZE 64u

enum segment_section {
	SECTION_STORED,
	SECTION_VECTORS,
	SECTION_CODES,
	SECTION_LISTS,
	SECTION_POSTINGS,
	SECTION_DICTIONARY,
	SECTION_CHUNKS,
	SECTION_DOCS,
	SECTION_MIMES,
	SECTIONS_OF_VERSION_2,
	SECTION_SKETCHES = SECTIONS_OF_VERSION_2,
	SECTION_CONTENTS,
	SECTIONS,
};

struct segment_footer {
	uint32_t version, n_docs, n_vectors, dimensions, stride, n_terms, n_chunks, n_mimes, n_lists, probes;
	uint64_t seed;
	struct {
		uint64_t at, len;
	} sections[SECTIONS];
	char checksum[CHECKSUM_SIZE];
};

#define FOOTER_SIZE_OF(sections) (8u + 10u * 4u + 8u + (sections) * 16u + CHECKSUM_SIZE)
#define FOOTER_SIZE FOOTER_SIZE_OF(SECTIONS)
