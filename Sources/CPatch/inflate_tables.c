#include "inflate_tables.h"
#include <string.h>

static const uint16_t length_base[29] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                         31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
static const uint8_t length_extra[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                         2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
static const uint16_t offset_base[30] = {1,   2,   3,   4,   5,   7,   9,    13,   17,   25,   33,   49,   65,   97,    129,
                                         193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385,
                                         24577};
static const uint8_t offset_extra[30] = {0, 0, 0, 0, 1, 1, 2, 2,  3,  3,  4,  4,  5,  5,  6,
                                         6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13};

static entry counted(unsigned base, unsigned extra, unsigned bits) {
    return base << 16 | bits << 8 | (bits + extra);
}

/// A literal, the end of the block, or a length. 286 and 287 are reserved.
static entry literal_entry(unsigned symbol, unsigned bits) {
    if (symbol < 256) return LITERAL | symbol << 8 | bits;
    if (symbol == 256) return END | bits;
    return symbol > 285 ? SPECIAL : counted(length_base[symbol - 257], length_extra[symbol - 257], bits);
}

/// 30 and 31 are reserved.
static entry offset_entry(unsigned symbol, unsigned bits) {
    return symbol > 29 ? SPECIAL : counted(offset_base[symbol], offset_extra[symbol], bits);
}

static entry length_code_entry(unsigned symbol, unsigned bits) {
    return counted(symbol, 0, bits);
}

/// Which set of codes a table is made for.
struct alphabet {
    unsigned root;
    entry (*entry_of)(unsigned symbol, unsigned bits);
    bool may_be_incomplete;  // with a single code of one bit, or none
};
static const struct alphabet literal_alphabet = {LITERAL_ROOT, literal_entry, true};
static const struct alphabet offset_alphabet = {OFFSET_ROOT, offset_entry, true};
static const struct alphabet length_code_alphabet = {LENGTH_CODE_ROOT, length_code_entry, false};

/// The code behind `code` of `bits` bits; both are written with their first bit lowest.
static unsigned next_code(unsigned code, unsigned bits) {
    unsigned bit = 1u << (bits - 1);
    while (code & bit) bit >>= 1;
    return bit ? (code & (bit - 1)) | bit : 0;
}

/// The symbols that have a code, shorter codes first, and how many there are of each length. False: the codes do not
/// fit, or leave bits without meaning where that is not allowed.
static bool sort_symbols(const struct alphabet *alphabet, const uint8_t *lengths, unsigned symbols, uint16_t *sorted,
                         uint16_t counts[LONGEST + 1]) {
    uint16_t places[LONGEST + 2] = {0};
    unsigned longest = 0;
    int left = 1;
    memset(counts, 0, (LONGEST + 1) * sizeof *counts);
    for (unsigned symbol = 0; symbol < symbols; symbol++) counts[lengths[symbol]]++;
    for (unsigned bits = 1; bits <= LONGEST; bits++) {
        left = 2 * left - counts[bits];
        if (left < 0) return false;
        if (counts[bits] > 0) longest = bits;
        places[bits + 1] = (uint16_t)(places[bits] + counts[bits]);
    }
    for (unsigned symbol = 0; symbol < symbols; symbol++)
        if (lengths[symbol] > 0) sorted[places[lengths[symbol]]++] = (uint16_t)symbol;
    return left == 0 || (alphabet->may_be_incomplete && longest <= 1);
}

/// Bits that a subtable is asked with: enough for the codes of `bits` bits that are left, and the longer ones, until
/// they fill it.
static unsigned subtable_bits(const uint16_t counts[LONGEST + 1], unsigned bits, unsigned root) {
    unsigned asked = bits - root;
    int left = (1 << asked) - counts[bits];
    while (left > 0 && asked + root < LONGEST) {
        asked++;
        left = 2 * left - counts[asked + root];
    }
    return asked;
}

/// Makes the table of a set of codes (RFC 1951, 3.2.2) from the length of each symbol's code. False: zlib refuses it.
static bool make_table(const struct alphabet *alphabet, const uint8_t *lengths, unsigned symbols, entry *table) {
    uint16_t sorted[LITERALS], counts[LONGEST + 1];
    if (!sort_symbols(alphabet, lengths, symbols, sorted, counts)) return false;
    const unsigned root = alphabet->root, root_size = 1u << root;
    unsigned code = 0, subtable = root_size, asked = 0, prefix = root_size;
    for (unsigned i = 0; i < root_size; i++) table[i] = SPECIAL;
    const uint16_t *symbol = sorted;
    for (unsigned bits = 1; bits <= LONGEST; bits++) {
        for (; counts[bits] > 0; counts[bits]--, symbol++, code = next_code(code, bits)) {
            entry what = alphabet->entry_of(*symbol, bits);
            if (bits <= root) {
                for (unsigned i = code; i < root_size; i += 1u << bits) table[i] = what;
                continue;
            }
            if ((code & (root_size - 1)) != prefix) {
                if (prefix != root_size) subtable += 1u << asked;
                prefix = code & (root_size - 1);
                asked = subtable_bits(counts, bits, root);
                table[prefix] = SUBTABLE | subtable << 16 | asked << 8;
            }
            for (unsigned i = code >> root; i < 1u << asked; i += 1u << (bits - root)) table[subtable + i] = what;
        }
    }
    return true;
}

bool patch_length_code_table(const uint8_t lengths[LENGTH_CODES], entry table[LENGTH_CODE_ROOM]) {
    return make_table(&length_code_alphabet, lengths, LENGTH_CODES, table);
}

bool patch_code_tables(const uint8_t *literal_lengths, unsigned literals, const uint8_t *offset_lengths, unsigned offsets,
                       struct tables *tables) {
    return make_table(&literal_alphabet, literal_lengths, literals, tables->literals)
        && make_table(&offset_alphabet, offset_lengths, offsets, tables->offsets);
}

bool patch_fixed_tables(struct tables *tables) {
    uint8_t lengths[LITERALS], offset_lengths[OFFSETS];
    memset(lengths, 8, 144);
    memset(lengths + 144, 9, 112);
    memset(lengths + 256, 7, 24);
    memset(lengths + 280, 8, 8);
    memset(offset_lengths, 5, OFFSETS);
    return patch_code_tables(lengths, LITERALS, offset_lengths, OFFSETS, tables);
}
