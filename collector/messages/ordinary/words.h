/* Which words are known, and by which numbers? A table that Python owns; nothing is allocated here.
 *
 * A word belongs to a scope: the same letters are another word of another publisher, thing or series.
 */
#include <stdint.h>

typedef const uint8_t *Octets;

typedef struct {
    Octets begin;
    uint32_t size;
} Text;

typedef struct {
    uint64_t scope;
    uint32_t begin, size; /* in the letters */
    uint32_t hash;
    int32_t number;
} Word;

typedef struct {
    Word *words;
    uint8_t *letters;
    int32_t *slots; /* 1 + the place of a word; 0 where there is none */
    int64_t word_count, word_room, letter_count, letter_room;
    uint64_t mask; /* slots - 1 */
    uint64_t seed;
} Words;

enum { PROBES = 32 };                   /* slots looked at before giving up */
enum { NO_ROOM = -1, NEVER_FOUND = -2 }; /* instead of a number */

static uint64_t eight(Octets p) {
    uint64_t octets;
    __builtin_memcpy(&octets, p, 8);
    return octets;
}

/* Every bit changes half of all bits: the finalizer of SplitMix64 (Steele, Lea and Flood, 2014). */
static uint64_t mixed(uint64_t hash) {
    hash = (hash ^ hash >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    hash = (hash ^ hash >> 27) * UINT64_C(0x94D049BB133111EB);
    return hash ^ hash >> 31;
}

/* Eight octets at once: words are short, and two of them stand in every reading. */
static uint32_t hash_of(const Words *words, uint64_t scope, Text text) {
    uint64_t hash = mixed(words->seed ^ scope), rest = text.size;
    uint32_t i = 0;
    for (; i + 8 <= text.size; i += 8) {
        hash = mixed(hash ^ eight(text.begin + i));
    }
    for (; i < text.size; i++) {
        rest = rest << 8 | text.begin[i];
    }
    return (uint32_t)mixed(hash ^ rest);
}

static int is_same(const Words *words, const Word *word, uint64_t scope, Text text) {
    if (word->scope != scope || word->size != text.size) {
        return 0;
    }
    Octets letters = words->letters + word->begin;
    uint32_t i = 0;
    for (; i + 8 <= text.size; i += 8) {
        if (eight(letters + i) != eight(text.begin + i)) {
            return 0;
        }
    }
    for (; i < text.size; i++) {
        if (letters[i] != text.begin[i]) {
            return 0;
        }
    }
    return 1;
}

/* The number of a word, or -1. Somebody who makes up words that collide makes only their own messages slower. */
static int32_t find(const Words *words, uint64_t scope, Text text) {
    uint32_t hash = hash_of(words, scope, text);
    for (uint64_t probe = 0; probe < PROBES; probe++) {
        int32_t slot = words->slots[(hash + probe) & words->mask];
        if (slot == 0) {
            return -1;
        }
        const Word *word = &words->words[slot - 1];
        if (word->hash == hash && is_same(words, word, scope, text)) {
            return word->number;
        }
    }
    return -1;
}

/* The number that the word has, which is the one given where it is new; or NO_ROOM, or NEVER_FOUND. */
int32_t learn(Words *words, uint64_t scope, Octets begin, uint32_t size, int32_t number) {
    Text text = {begin, size};
    uint32_t hash = hash_of(words, scope, text);
    for (uint64_t probe = 0; probe < PROBES; probe++) {
        int32_t *slot = &words->slots[(hash + probe) & words->mask];
        if (*slot != 0) {
            const Word *word = &words->words[*slot - 1];
            if (word->hash == hash && is_same(words, word, scope, text)) {
                return word->number;
            }
            continue;
        }
        if (words->word_count == words->word_room || words->letter_room - words->letter_count < size) {
            return NO_ROOM;
        }
        Word *word = &words->words[words->word_count++];
        *word = (Word){scope, (uint32_t)words->letter_count, size, hash, number};
        for (uint32_t i = 0; i < size; i++) {
            words->letters[words->letter_count++] = begin[i];
        }
        *slot = (int32_t)words->word_count;
        return number;
    }
    return NEVER_FOUND; /* too many alike */
}
