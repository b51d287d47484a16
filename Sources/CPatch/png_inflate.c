// Inflating (RFC 1950, RFC 1951) into rows whose size is known.
//
// A patch of tissue hardly compresses: nearly every symbol is a literal, and finding one is a look-up that the next has
// to wait for. So two streams are read by turns, and the processor looks one up while it waits for the other.
//
// It takes exactly the streams that zlib takes; the tests and a fuzzer hold it to that. libdeflate, a little faster with
// one stream, reads codes that RFC 1951 reserves, and would so answer for images that libpng and every viewer refuse.
#include "png_inflate.h"
#include "inflate_tables.h"
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum state { BEFORE_BLOCK, IN_BLOCK, COMPLETE, REFUSED };

/// Where a stream is read and its content written: what changes with every symbol, so what stays in registers.
struct cursor {
    uint64_t bits;        // the next bits, the first lowest
    uint32_t count;       // of them; those above are right too, as far as there are any
    const uint8_t *next;  // the byte from which more come
    uint8_t *out;
};

/// A stream that is being read.
struct reading {
    struct cursor at;
    enum state state;
    const uint8_t *end;
    uint8_t *start, *limit;
    struct tables *tables;
    bool is_last_block;
};

// MARK: Bits

/// At least 56 bits, 16 bytes behind the end being readable.
static inline struct cursor refilled(struct cursor at) {
    uint64_t word;
    memcpy(&word, at.next, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    at.bits |= word << at.count;
    at.next += (63 - at.count) >> 3;
    at.count |= 56;
    return at;
}

/// The same outside of blocks. False: the stream has ended.
static bool refill(struct reading *in) {
    if (in->at.next > in->end + 8) return false;
    in->at = refilled(in->at);
    return true;
}

static inline unsigned first_bits(uint64_t bits, unsigned count) {
    return (unsigned)(bits & ((1u << count) - 1));
}

static inline struct cursor past(struct cursor at, unsigned count) {
    at.bits >>= count;
    at.count -= count;
    return at;
}

static unsigned take(struct cursor *at, unsigned count) {
    unsigned bits = first_bits(at->bits, count);
    *at = past(*at, count);
    return bits;
}

// MARK: Tables

/// What stands behind `found` for the bits that come next, where it is a subtable.
static inline entry resolved(const entry *table, unsigned root, entry found, uint64_t bits) {
    if ((found & SUBTABLE) != SUBTABLE || found & LITERAL) return found;
    return table[(found >> 16) + first_bits(bits >> root, found >> 8 & 31)];
}

// MARK: Headers of blocks

/// The lengths of codes, themselves coded and run-length coded.
static bool read_lengths(struct reading *in, const entry *table, uint8_t *lengths, unsigned count) {
    for (unsigned have = 0; have < count;) {
        if (!refill(in)) return false;
        entry found = table[first_bits(in->at.bits, LENGTH_CODE_ROOT)];
        take(&in->at, found & 255);
        unsigned symbol = found >> 16, repeats = 1;
        uint8_t length = (uint8_t)symbol;
        if (symbol > 15) {
            if (symbol == 16 && have == 0) return false;
            length = symbol == 16 ? lengths[have - 1] : 0;
            repeats = symbol == 16 ? 3 + take(&in->at, 2) : symbol == 17 ? 3 + take(&in->at, 3) : 11 + take(&in->at, 7);
        }
        if (repeats > count - have) return false;
        memset(lengths + have, length, repeats);
        have += repeats;
    }
    return true;
}

static bool read_codes(struct reading *in) {
    static const uint8_t order[LENGTH_CODES] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    unsigned literals = 257 + take(&in->at, 5), offsets = 1 + take(&in->at, 5), codes = 4 + take(&in->at, 4);
    if (literals > 286 || offsets > 30) return false;
    uint8_t lengths[LITERALS + OFFSETS] = {0};
    entry table[LENGTH_CODE_ROOM];
    for (unsigned i = 0; i < codes; i++) {
        if (!refill(in)) return false;
        lengths[order[i]] = (uint8_t)take(&in->at, 3);
    }
    if (!patch_length_code_table(lengths, table)) return false;
    if (!read_lengths(in, table, lengths, literals + offsets)) return false;
    return lengths[256] > 0 && patch_code_tables(lengths, literals, lengths + literals, offsets, in->tables);
}

/// Gives back whole bytes, and drops the rest of the one that was begun.
static void align(struct cursor *at) {
    at->next -= at->count >> 3;
    at->bits = at->count = 0;
}

static bool copy_stored(struct reading *in) {
    align(&in->at);
    const uint8_t *head = in->at.next;
    if (in->end - head < 4) return false;
    unsigned length = head[0] | (unsigned)head[1] << 8, inverse = head[2] | (unsigned)head[3] << 8;
    in->at.next += 4;
    if (length != (inverse ^ 0xffff) || length > in->limit - in->at.out || length > in->end - in->at.next) return false;
    memcpy(in->at.out, in->at.next, length);
    in->at.out += length;
    in->at.next += length;
    return true;
}

/// Reads the header of a block, and all of one that is not compressed.
static void begin_block(struct reading *in) {
    in->state = REFUSED;
    if (!refill(in)) return;
    in->is_last_block = take(&in->at, 1);
    bool is_stored = false, has_codes = false;
    switch (take(&in->at, 2)) {
        case 0: is_stored = copy_stored(in); break;
        case 1: has_codes = patch_fixed_tables(in->tables); break;
        case 2: has_codes = read_codes(in); break;
    }
    if (is_stored) in->state = in->is_last_block ? COMPLETE : BEFORE_BLOCK;
    else if (has_codes && refill(in) && in->at.next <= in->end + 8) in->state = IN_BLOCK;
}

// MARK: Symbols

static unsigned value(entry found, uint64_t bits) {
    return (found >> 16) + (first_bits(bits, found & 255) >> (found >> 8 & 31));
}

/// A length and an offset; `found` is the length.
static enum state repeat(struct reading *in, entry found) {
    const entry *offsets = in->tables->offsets;
    size_t length = value(found, in->at.bits);
    in->at = past(in->at, found & 255);
    found = resolved(offsets, OFFSET_ROOT, offsets[first_bits(in->at.bits, OFFSET_ROOT)], in->at.bits);
    if (found & SPECIAL) return REFUSED;
    size_t offset = value(found, in->at.bits);
    in->at = past(in->at, found & 255);
    uint8_t *out = in->at.out;
    if (offset > (size_t)(out - in->start) || length > (size_t)(in->limit - out)) return REFUSED;
    for (size_t i = 0; i < length; i++) out[i] = out[(ptrdiff_t)i - (ptrdiff_t)offset];
    in->at.out += length;
    return IN_BLOCK;
}

/// Any symbol; 56 bits are there, of which it takes at most 48.
static __attribute__((noinline)) enum state any_symbol(struct reading *in) {
    const entry *literals = in->tables->literals;
    entry found = literals[first_bits(in->at.bits, LITERAL_ROOT)];
    found = resolved(literals, LITERAL_ROOT, found, in->at.bits);
    if (!(found & LITERAL) && !(found & SPECIAL)) return repeat(in, found);
    in->at = past(in->at, found & 255);
    if (found & LITERAL) {
        *in->at.out++ = (uint8_t)(found >> 8);
        return IN_BLOCK;
    }
    if ((found & END) != END) return REFUSED;
    return in->is_last_block ? COMPLETE : BEFORE_BLOCK;
}

/// Up to three literals, or one other symbol. At least 16 bits are there, and 56 are made of them.
static inline __attribute__((always_inline)) struct cursor next_symbols(struct cursor at, struct reading *in) {
    const entry *literals = in->tables->literals;
    entry found = literals[first_bits(at.bits, LITERAL_ROOT)];
    at = refilled(at);
    if (found & LITERAL) {
        for (int i = 0; i < 3 && found & LITERAL; i++) {
            *at.out++ = (uint8_t)(found >> 8);
            at = past(at, found & 255);
            found = literals[first_bits(at.bits, LITERAL_ROOT)];
        }
    } else {
        in->at = at;
        in->state = any_symbol(in);
        at = in->at;
    }
    if (at.out > in->limit || at.next > in->end + 8) in->state = REFUSED;
    return at;
}

static void read_block(struct reading *in) {
    struct cursor at = in->at;
    while (in->state == IN_BLOCK) at = next_symbols(at, in);
    in->at = at;
}

/// Two blocks by turns, until one of them ends.
static void read_blocks(struct reading *one, struct reading *two) {
    struct cursor first = one->at, second = two->at;
    while (one->state == IN_BLOCK && two->state == IN_BLOCK) {
        first = next_symbols(first, one);
        second = next_symbols(second, two);
    }
    one->at = first;
    two->at = second;
}

// MARK: Streams

#if defined(__SSE2__)
static uint32_t total(__m128i four) {
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, _MM_SHUFFLE(1, 0, 3, 2)));
    return (uint32_t)_mm_cvtsi128_si32(_mm_add_epi32(four, _mm_shuffle_epi32(four, _MM_SHUFFLE(2, 3, 0, 1))));
}
#endif

/// Adler-32 (RFC 1950, section 9): the sum of the bytes, and the sum of that sum behind every byte.
static uint32_t checksum(const uint8_t *bytes, size_t count) {
    enum { PRIME = 65521, MOST = 5536, STEP = 16 };  // after 5,552 bytes a sum could pass 32 bits
    uint32_t sum = 1, sum_of_sums = 0;
    while (count > 0) {
        size_t some = count < MOST ? count : MOST;
        count -= some;
#if defined(__SSE2__)
        const __m128i zero = _mm_setzero_si128();
        const __m128i low_weights = _mm_setr_epi16(16, 15, 14, 13, 12, 11, 10, 9);
        const __m128i high_weights = _mm_setr_epi16(8, 7, 6, 5, 4, 3, 2, 1);
        __m128i sums = zero, before = zero, weighted = zero;
        const uint32_t steps = (uint32_t)(some / STEP);
        for (uint32_t step = 0; step < steps; step++, bytes += STEP) {
            __m128i some_bytes = _mm_loadu_si128((const __m128i *)bytes);
            before = _mm_add_epi32(before, sums);
            sums = _mm_add_epi32(sums, _mm_sad_epu8(some_bytes, zero));
            weighted = _mm_add_epi32(weighted, _mm_madd_epi16(_mm_unpacklo_epi8(some_bytes, zero), low_weights));
            weighted = _mm_add_epi32(weighted, _mm_madd_epi16(_mm_unpackhi_epi8(some_bytes, zero), high_weights));
        }
        sum_of_sums += STEP * (steps * sum + total(before)) + total(weighted);
        sum += total(sums);
        some -= STEP * steps;
#endif
        for (; some > 0; some--) sum_of_sums += sum += *bytes++;
        sum %= PRIME;
        sum_of_sums %= PRIME;
    }
    return sum_of_sums << 16 | sum;
}

/// Reads a header of RFC 1950; there must be no dictionary.
static struct reading begin(const struct patch_zlib_stream *stream, struct tables *tables) {
    const uint8_t *bytes = stream->bytes;
    bool is_good = stream->count >= 6 && (bytes[0] & 15) == 8 && bytes[0] >> 4 <= 7 && (bytes[1] & 32) == 0
        && (bytes[0] << 8 | bytes[1]) % 31 == 0;
    return (struct reading){
        .at = {.next = bytes + 2, .out = stream->output},
        .state = is_good ? BEFORE_BLOCK : REFUSED,
        .end = bytes + stream->count,
        .start = stream->output,
        .limit = stream->output + stream->size,
        .tables = tables,
    };
}

static bool is_whole(const struct patch_zlib_stream *stream, struct reading *in) {
    if (in->state != COMPLETE || in->at.out != in->limit) return false;
    align(&in->at);
    const uint8_t *tail = in->at.next;
    if (in->end - tail != 4) return false;
#if defined(FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION)
    return true;
#endif
    uint32_t stored = (uint32_t)tail[0] << 24 | (uint32_t)tail[1] << 16 | (uint32_t)tail[2] << 8 | tail[3];
    return checksum(stream->output, stream->size) == stored;
}

static bool is_under_way(const struct reading *in) {
    return in->state == BEFORE_BLOCK || in->state == IN_BLOCK;
}

void patch_inflate_two(const struct patch_zlib_stream streams[2], bool are_whole[2]) {
    struct tables tables[2];
    struct reading one = begin(&streams[0], &tables[0]), two = begin(&streams[1], &tables[1]);
    while (is_under_way(&one) || is_under_way(&two)) {
        if (one.state == BEFORE_BLOCK) begin_block(&one);
        if (two.state == BEFORE_BLOCK) begin_block(&two);
        read_blocks(&one, &two);
        if (!is_under_way(&two)) read_block(&one);
        if (!is_under_way(&one)) read_block(&two);
    }
    are_whole[0] = is_whole(&streams[0], &one);
    are_whole[1] = is_whole(&streams[1], &two);
}

bool patch_inflate(const struct patch_zlib_stream *stream) {
    struct tables tables;
    struct reading in = begin(stream, &tables);
    while (is_under_way(&in)) {
        if (in.state == BEFORE_BLOCK) begin_block(&in);
        read_block(&in);
    }
    return is_whole(stream, &in);
}
