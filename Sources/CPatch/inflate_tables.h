#pragma once
// The tables that inflating looks codes up in (RFC 1951, 3.2.2).
#include <stdbool.h>
#include <stdint.h>

enum { LITERALS = 288, OFFSETS = 32, LENGTH_CODES = 19, LONGEST = 15 };

// Bits that a table is asked with at first; longer codes go on in a subtable. The room is what the largest complete set
// of codes needs, as counted by zlib's program `enough`.
enum { LITERAL_ROOT = 11, OFFSET_ROOT = 8, LENGTH_CODE_ROOT = 7 };
enum { LITERAL_ROOM = 2342, OFFSET_ROOM = 402, LENGTH_CODE_ROOM = 128 };

// What a table says of the bits that come next.
//   bits 0-7    how many of them it is about: the code's, and the extra bits of a length or an offset
//   bits 8-12   of a length or an offset: the code's alone. Of a subtable: how many it is asked with
//   bits 8-15   of a literal: the byte
//   bits 16-30  of a length or an offset: what the extra bits are added to. Of a subtable: where it begins
// and what it is:
#define LITERAL 0x80000000u
#define SPECIAL 0x2000u   // none of the above, or
#define END (SPECIAL | 0x4000u)
#define SUBTABLE (SPECIAL | 0x8000u)
typedef uint32_t entry;

struct tables {
    entry literals[LITERAL_ROOM];
    entry offsets[OFFSET_ROOM];
};

// Each makes tables of sets of codes from the length of each symbol's code. False: zlib refuses such a set.

/// Of the codes that lengths are themselves written in.
bool patch_length_code_table(const uint8_t lengths[LENGTH_CODES], entry table[LENGTH_CODE_ROOM]);

/// Of literals and lengths, and of offsets.
bool patch_code_tables(const uint8_t *literal_lengths, unsigned literals, const uint8_t *offset_lengths, unsigned offsets,
                       struct tables *tables);

/// Of the codes that a block uses which brings none.
bool patch_fixed_tables(struct tables *tables);
