/* What do ordinary reading messages say? JSON octets in, columns out; whatever is unusual is left to Python.
 *
 * `take` reads thousands of messages in one call, without the interpreter's lock. It allocates nothing, keeps nothing
 * and refuses nothing: a message that it does not understand to its last octet is left alone, and `decode` takes it.
 * It knows no names of its own. Things, quantities, codes, outboxes and sources are words that `learn` was told after
 * `decode` had accepted them, so what is read here was accepted before, and what was never seen is left alone.
 *
 * Every message ends with a NUL behind its last octet, and no loop goes past one: a NUL is neither a digit, nor white
 * space, nor part of a string. A number is read only where one operation on two exact floats gives what any right
 * reader gives (W. Clinger, "How to read floating point numbers accurately", 1990).
 *
 * `reader.py` calls it and has the same layouts; `compiled.py` compiles it.
 */
#include <float.h>
#include <stdint.h>

#include "words.h"

#if !defined(FLT_EVAL_METHOD) || FLT_EVAL_METHOD != 0
#error "a double must be computed as a double"
#endif

enum { THING, QUANTITY, OUTBOX, SOURCE, CODE }; /* what a word is: the lowest bits of its scope; as in reader.py */
enum { MOST_VALUES = 256 };                     /* of one reading: each is compared with all before */

typedef struct {
    /* in, by message */
    Octets octets;
    const int64_t *ends; /* of each: where its NUL stands */
    const int32_t *publishers;
    const int64_t *received;
    int64_t messages;
    /* in, by number of a series */
    const uint8_t *is_measured, *has_number;
    const double *low, *high;
    /* limits */
    int64_t past, future, skew, most_whole;
    double largest;
    int64_t room; /* for observations */
    /* out, by message */
    uint8_t *is_taken;
    int32_t *outboxes;
    int64_t *seqs;
    int64_t *begins; /* and behind the last, where it ends */
    /* out, by observation */
    int32_t *series;
    int64_t *at;
    double *number;
    int32_t *texts, *sources; /* numbers of words; -1 where there is none */
    int8_t *quality, *censored, *derived;
} Run;

static const double POWERS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static uint64_t scope_of(int kind, uint64_t of) { return of << 3 | (uint64_t)kind; }

/* ---- tokens: each returns what follows, or 0 where it is left alone ---------------------------------------------- */

static Octets white(Octets p) {
    while (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t') {
        p++;
    }
    return p;
}

/* The mark, with white space around it. */
static Octets mark(Octets p, uint8_t which) {
    p = white(p);
    return *p == which ? white(p + 1) : 0;
}

#define EIGHT 1, 1, 1, 1, 1, 1, 1, 1
static const uint8_t IS_PLAIN[256] = {
    [' '] = 1, 1, 0 /* " */, 1, 1, 1, 1, 1, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT,
    ['X'] = 1, 1, 1, 1, 0 /* \\ */, 1, 1, 1, EIGHT, EIGHT, EIGHT, 1, 1, 1, 1, 1, 1, 1 /* ~ */
};

/* Printable ASCII without escapes. */
static Octets string(Octets p, Text *text) {
    if (*p++ != '"') {
        return 0;
    }
    text->begin = p;
    while (IS_PLAIN[*p]) {
        p++;
    }
    text->size = (uint32_t)(p - text->begin);
    return *p == '"' ? p + 1 : 0;
}

static Octets key(Octets p, Text *text) {
    p = string(p, text);
    return p ? mark(p, ':') : 0;
}

static int is_word(Text text, const char *word) {
    uint32_t i = 0;
    while (i < text.size && word[i] && (uint8_t)word[i] == text.begin[i]) {
        i++;
    }
    return i == text.size && !word[i];
}

/* Digits without a leading zero, at most eighteen. */
static Octets whole(Octets p, int64_t *value) {
    Octets begin = p;
    int64_t sum = 0;
    while (*p >= '0' && *p <= '9' && p - begin < 19) {
        if (p - begin < 18) {
            sum = sum * 10 + (*p - '0');
        }
        p++;
    }
    if (p == begin || p - begin > 18 || (*begin == '0' && p - begin > 1)) {
        return 0;
    }
    *value = sum;
    return p;
}

/* A whole number from 1 on. */
static Octets positive(Octets p, int64_t most, int64_t *value) {
    p = whole(p, value);
    if (!p || *p == '.' || *p == 'e' || *p == 'E') {
        return 0;
    }
    return *value >= 1 && *value <= most ? p : 0;
}

static Octets number(Octets p, double *value, int *is_whole) {
    int is_negative = *p == '-';
    int64_t digits, exponent = 0;
    p = whole(p + is_negative, &digits);
    if (!p) {
        return 0;
    }
    *is_whole = 1;
    if (*p == '.') {
        Octets begin = ++p;
        *is_whole = 0;
        while (*p >= '0' && *p <= '9') {
            if (digits > INT64_C(900000000000000000)) {
                return 0;
            }
            digits = digits * 10 + (*p++ - '0');
        }
        exponent = begin - p;
        if (exponent == 0) {
            return 0;
        }
    }
    if (*p == 'e' || *p == 'E') {
        int is_down = p[1] == '-';
        int64_t power = 0;
        Octets begin;
        *is_whole = 0;
        p += 1 + (p[1] == '-' || p[1] == '+');
        for (begin = p; *p >= '0' && *p <= '9' && p - begin < 4; p++) {
            power = power * 10 + (*p - '0');
        }
        if (p == begin || p - begin == 4) {
            return 0;
        }
        exponent += is_down ? -power : power;
    }
    if (digits > INT64_C(1) << 53 || exponent < -22 || exponent > 22 || (is_negative && *is_whole && digits == 0)) {
        return 0;
    }
    *value = exponent < 0 ? (double)digits / POWERS[-exponent] : (double)digits * POWERS[exponent];
    *value = is_negative ? -*value : *value;
    return p;
}

/* An object of strings and numbers, not looked at yet. */
static Octets flat(Octets p) {
    Text text;
    if (*p != '{') {
        return 0;
    }
    for (p++; *p != '}';) {
        if (*p == '"') {
            p = string(p, &text);
            if (!p) {
                return 0;
            }
        } else if (*p == '{' || *p == '[' || *p == 0) {
            return 0;
        } else {
            p++;
        }
    }
    return p + 1;
}

/* Behind a member of an object or an array, or behind none (0): whether another follows. */
static int more(Octets *p, uint8_t closing) {
    if (!*p) {
        return 0;
    }
    *p = white(*p);
    int goes_on = **p == ',';
    if (goes_on) {
        *p = white(*p + 1);
    } else {
        *p = **p == closing ? *p + 1 : 0;
    }
    return goes_on;
}

/* ---- a reading ---------------------------------------------------------------------------------------------------- */

static Octets value_of(const Words *words, Run *run, int64_t place, Octets p) {
    int32_t series = run->series[place];
    int is_whole;
    run->texts[place] = -1;
    if (run->has_number[series]) {
        double *value = &run->number[place];
        p = number(p, value, &is_whole);
        if (!p) {
            return 0;
        }
        if (is_whole ? *value <= (double)-run->most_whole || *value >= (double)run->most_whole
                     : *value < -run->largest || *value > run->largest) {
            return 0;
        }
        return run->is_measured[series] || (is_whole && *value >= 0) ? p : 0;
    }
    Text text;
    p = string(p, &text);
    if (!p) {
        return 0;
    }
    run->number[place] = (double)__builtin_nanf("");
    run->texts[place] = find(words, scope_of(CODE, (uint64_t)series), text);
    return run->texts[place] < 0 ? 0 : p;
}

/* Where among the observations from `first` on the series stands; `end` where it does not. */
static int64_t place_of(const Run *run, int64_t first, int64_t end, int32_t series) {
    while (first < end && run->series[first] != series) {
        first++;
    }
    return first;
}

/* The observations from `first` on; returns where they end, or -1. */
static int64_t values_of(const Words *words, Run *run, int64_t first, Octets p, uint64_t scope) {
    int64_t end = first;
    int goes_on = 1;
    Text text;
    p = white(p + 1);
    while (goes_on) {
        p = key(p, &text);
        if (!p || end == run->room || end - first == MOST_VALUES) {
            return -1;
        }
        int32_t series = find(words, scope, text);
        if (series < 0 || place_of(run, first, end, series) < end) {
            return -1; /* never seen, or named twice */
        }
        run->series[end] = series;
        run->quality[end] = run->censored[end] = 0;
        p = value_of(words, run, end++, p);
        goes_on = more(&p, '}');
    }
    return p ? end : -1;
}

/* Marks of values, each by its place among the words; 0 where one is left alone. */
static int marks_of(const Words *words, const Run *run, int64_t first, int64_t end, Octets p, uint64_t scope,
                    const char *const *allowed, int8_t *marks) {
    int goes_on = 1;
    Text text;
    p = white(p + 1);
    if (*p == '}') {
        return 1;
    }
    while (goes_on) {
        int8_t which = 0;
        p = key(p, &text);
        if (!p) {
            return 0;
        }
        int32_t series = find(words, scope, text);
        int64_t place = place_of(run, first, end, series);
        if (series < 0 || place == end || marks[place]) {
            return 0;
        }
        p = string(p, &text);
        while (p && allowed[which] && !is_word(text, allowed[which])) {
            which++;
        }
        if (!p || !allowed[which]) {
            return 0;
        }
        marks[place] = (int8_t)(which + 1);
        goes_on = more(&p, '}');
    }
    return p != 0;
}

static const char *const QUALITIES[] = {"suspect", "estimated", "substituted", 0};
static const char *const CENSORED[] = {"<", ">", 0};

/* `end`: where the observations end; moved behind those of this reading. */
static Octets reading(const Words *words, Run *run, int64_t message, int64_t *end, Octets p) {
    Text thing = {0, 0}, source = {0, 0}, text;
    Octets values = 0, quality = 0, censored = 0;
    int64_t at = 0, period = 0, first = *end, received = run->received[message];
    int32_t source_number = -1;
    int goes_on = 1;
    p = mark(p, '{');
    while (p && goes_on) {
        p = key(p, &text);
        if (!p) {
            return 0;
        }
        if (is_word(text, "thing") && !thing.begin) {
            p = string(p, &thing);
        } else if (is_word(text, "at") && !at) {
            p = positive(p, (INT64_C(1) << 53) - 1, &at);
        } else if (is_word(text, "values") && !values) {
            values = p;
            p = flat(p);
        } else if (is_word(text, "period") && !period) {
            p = positive(p, INT64_C(1000000000000), &period);
        } else if (is_word(text, "source") && !source.begin) {
            p = string(p, &source);
        } else if (is_word(text, "quality") && !quality) {
            quality = p;
            p = flat(p);
        } else if (is_word(text, "censored") && !censored) {
            censored = p;
            p = flat(p);
        } else {
            return 0;
        }
        goes_on = more(&p, '}');
    }
    if (!p || !thing.begin || !at || !values || at < received - run->past ||
        at > received + run->future) {
        return 0;
    }
    int32_t thing_number = find(words, scope_of(THING, (uint64_t)run->publishers[message]), thing);
    if (source.begin && source.size) {
        source_number = find(words, scope_of(SOURCE, 0), source);
    }
    if (thing_number < 0 || (source.size && source_number < 0)) {
        return 0;
    }
    uint64_t scope = scope_of(QUANTITY, (uint64_t)thing_number << 40 | (uint64_t)period);
    *end = values_of(words, run, first, values, scope);
    if (*end < 0 || (quality && !marks_of(words, run, first, *end, quality, scope, QUALITIES, run->quality)) ||
        (censored && !marks_of(words, run, first, *end, censored, scope, CENSORED, run->censored))) {
        return 0;
    }
    for (int64_t i = first; i < *end; i++) {
        int32_t series = run->series[i];
        int is_implausible = run->number[i] < run->low[series] || run->number[i] > run->high[series];
        run->at[i] = at;
        run->sources[i] = source_number;
        run->derived[i] = (int8_t)(is_implausible + 2 * (at > received + run->skew));
    }
    return p;
}

/* ---- a message ---------------------------------------------------------------------------------------------------- */

/* Where its observations end, or -1. */
static int64_t message_of(const Words *words, Run *run, int64_t message, int64_t end, Octets p) {
    Text outbox = {0, 0}, text;
    int64_t seq = 0;
    int goes_on = 1, has_readings = 0;
    p = mark(p, '{');
    while (p && goes_on) {
        p = key(p, &text);
        if (!p) {
            return -1;
        }
        if (is_word(text, "outbox") && !outbox.begin) {
            p = string(p, &outbox);
        } else if (is_word(text, "seq") && !seq) {
            p = positive(p, INT64_C(1) << 53, &seq);
        } else if (is_word(text, "readings") && !has_readings) {
            int another = 1;
            has_readings = 1;
            p = mark(p, '[');
            while (p && another) {
                p = reading(words, run, message, &end, p);
                another = more(&p, ']');
            }
        } else {
            return -1;
        }
        goes_on = more(&p, '}');
    }
    if (!p || !has_readings || !outbox.begin != !seq) {
        return -1;
    }
    run->outboxes[message] = -1;
    run->seqs[message] = seq;
    if (seq) {
        run->outboxes[message] = find(words, scope_of(OUTBOX, (uint64_t)run->publishers[message]), outbox);
        if (run->outboxes[message] < 0) {
            return -1;
        }
    }
    return white(p) == run->octets + run->ends[message] ? end : -1;
}

/* The number of observations of those messages that are taken. */
int64_t take(const Words *words, Run *run) {
    int64_t end = 0, begin = 0;
    for (int64_t message = 0; message < run->messages; message++) {
        int64_t found = message_of(words, run, message, end, run->octets + begin);
        run->begins[message] = end;
        run->is_taken[message] = found >= 0;
        end = found >= 0 ? found : end;
        begin = run->ends[message] + 1;
    }
    run->begins[run->messages] = end;
    return end;
}
