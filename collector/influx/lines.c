/* How do points look as lines of InfluxDB's protocol? Columns in, octets out, for thousands in one call.
 *
 * A line is put together of words: its key, a text or a number, and what follows the value. Words were escaped before,
 * each once. `lines` allocates nothing and keeps nothing; where a number is no short decimal, it leaves all of them to
 * Python.
 *
 * `lines.py` calls it and has the same layouts; `compiled.py` compiles it.
 */
#include <float.h>
#include <stdint.h>

#if !defined(FLT_EVAL_METHOD) || FLT_EVAL_METHOD != 0
#error "a double must be computed as a double"
#endif

enum { MOST_DECIMALS = 9 };
static const double MOST = 9007199254740992.0; /* 2^53: so far every whole number is a double */

typedef struct {
    const uint8_t *letters;
    const int64_t *edges; /* where each begins; and behind the last, where it ends */
} Words;

typedef struct {
    Words keys, texts, tails;
    /* by line, numbers of words; a text of -1: the number stands there */
    const int32_t *key, *text, *tail;
    const double *number;
    const int64_t *at; /* ms UTC */
    int64_t count;
    uint8_t *out; /* with room for all of it */
} Lines;

static uint8_t *word(uint8_t *out, const Words *words, int32_t which) {
    int64_t begin = words->edges[which], size = words->edges[which + 1] - begin;
    __builtin_memcpy(out, words->letters + begin, (uint64_t)size);
    return out + size;
}

/* With so many decimals, and at least one digit before them. */
static uint8_t *digits(uint8_t *out, uint64_t value, int decimals) {
    uint8_t reversed[20];
    int count = 0;
    do {
        reversed[count++] = (uint8_t)('0' + value % 10);
        value /= 10;
    } while (value > 0 || count <= decimals);
    while (count > 0) {
        *out++ = reversed[--count];
        if (count == decimals && count > 0) {
            *out++ = '.';
        }
    }
    return out;
}

/* As a float of InfluxDB, which any right reader reads as the same double: a whole number below 2^53 divided by a
 * power of ten is one operation on two exact floats. 0 where it is no short decimal. */
static uint8_t *decimal(uint8_t *out, double value) {
    double power = 1;
    if (__builtin_signbit(value)) {
        *out++ = '-';
        value = -value;
    }
    for (int decimals = 0; decimals <= MOST_DECIMALS && value * power < MOST; decimals++) {
        uint64_t whole = (uint64_t)(value * power + 0.5);
        if ((double)whole / power == value) {
            out = digits(out, whole, decimals);
            if (decimals == 0) {
                *out++ = '.';
                *out++ = '0';
            }
            return out;
        }
        power *= 10;
    }
    return 0;
}

/* Octets written, or -1: a number is no short decimal, or a time lies before 1970. */
int64_t lines(const Lines *run) {
    uint8_t *out = run->out;
    for (int64_t i = 0; i < run->count; i++) {
        out = word(out, &run->keys, run->key[i]);
        out = run->text[i] < 0 ? decimal(out, run->number[i]) : word(out, &run->texts, run->text[i]);
        if (!out || run->at[i] < 0) {
            return -1;
        }
        out = word(out, &run->tails, run->tail[i]);
        out = digits(out, (uint64_t)run->at[i], 0);
    }
    return out - run->out;
}
