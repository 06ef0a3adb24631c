/* Lines as a model may have changed them in copying. */
#include "patch/fold.h"

#include <ctype.h>
#include <string.h>

enum { LONGEST = 512, LONGEST_DIFFERENCE = 160 };

size_t aire__typographic(const char *at, const char *end, char *plain)
{
    static const struct {
        const char *bytes;
        char plain;
    } table[] = {
        {"\xe2\x80\x98", '\''}, {"\xe2\x80\x99", '\''}, {"\xe2\x80\x9a", '\''},
        {"\xe2\x80\x9b", '\''}, {"\xe2\x80\xb2", '\''}, {"\xe2\x80\x9c", '"'},
        {"\xe2\x80\x9d", '"'},  {"\xe2\x80\x9e", '"'},  {"\xe2\x80\x9f", '"'},
        {"\xe2\x80\xb3", '"'},  {"\xe2\x80\x90", '-'},  {"\xe2\x80\x91", '-'},
        {"\xe2\x80\x92", '-'},  {"\xe2\x80\x93", '-'},  {"\xe2\x80\x94", '-'},
        {"\xe2\x80\x95", '-'},  {"\xe2\x88\x92", '-'},  {"\xc2\xa0", ' '},
        {"\xe2\x80\xaf", ' '},  {"\xe2\x80\x87", ' '},  {"\xe2\x80\x89", ' '},
        {"\xe3\x80\x80", ' '},  {"\xe2\x80\x8b", '\0'}, {"\xe2\x81\xa0", '\0'},
        {"\xef\xbb\xbf", '\0'}, {"\xc2\xad", '\0'},     {"\xc2\xb4", '\''},
    };
    unsigned char first = (unsigned char)*at;
    if (first != 0xe2 && first != 0xc2 && first != 0xe3 && first != 0xef)
        return 0;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        size_t length = strlen(table[i].bytes);
        if ((size_t)(end - at) >= length && memcmp(at, table[i].bytes, length) == 0) {
            *plain = table[i].plain;
            return length;
        }
    }
    return 0;
}

size_t aire__entity(const char *at, const char *end, char *plain)
{
    static const struct {
        const char *name;
        char plain;
    } table[] = {{"&lt;", '<'},    {"&gt;", '>'},   {"&amp;", '&'},
                 {"&quot;", '"'},  {"&#39;", '\''}, {"&#x27;", '\''},
                 {"&apos;", '\''}, {"&#34;", '"'},  {"&nbsp;", ' '}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        size_t length = strlen(table[i].name);
        if ((size_t)(end - at) >= length && memcmp(at, table[i].name, length) == 0) {
            *plain = table[i].plain;
            return length;
        }
    }
    return 0;
}

/* The next character that is not white space, as a plain one; -1 at the end. */
static int next_char(const char **at, const char *end)
{
    while (*at < end) {
        unsigned char c = (unsigned char)**at;
        char plain = (char)c;
        size_t length = 1;
        if (c == '&')
            length = aire__entity(*at, end, &plain);
        else if (c >= 0x80)
            length = aire__typographic(*at, end, &plain);
        if (length == 0) {
            length = 1;
            plain = (char)c;
        }
        *at += length;
        if (plain && plain != ' ' && plain != '\t' && plain != '\r' && plain != '\f' &&
            plain != '\v')
            return (unsigned char)plain;
    }
    return -1;
}

uint64_t aire__fold_key(const aire_line *line)
{
    const char *at = line->text, *end = at + line->length;
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    bool blank = true;
    for (int c = next_char(&at, end); c >= 0; c = next_char(&at, end)) {
        hash = (hash ^ (uint64_t)c) * 0x100000001b3u;
        blank = false;
    }
    return blank ? AIRE_KEY_BLANK : hash | 1;
}

bool aire__fold_equal(const aire_line *a, const aire_line *b)
{
    const char *x = a->text, *y = b->text;
    if (aire__line_equal(a, b))
        return true;
    for (;;) {
        int c = next_char(&x, a->text + a->length), d = next_char(&y, b->text + b->length);
        if (c != d)
            return false;
        if (c < 0)
            return true;
    }
}

bool aire__fold_begins(const aire_line *line, const aire_line *start)
{
    const char *x = line->text, *y = start->text;
    for (size_t matched = 0;; matched++) {
        int d = next_char(&y, start->text + start->length);
        if (d < 0)
            return matched > 0;
        if (next_char(&x, line->text + line->length) != d)
            return false;
    }
}

static size_t fold_into(const aire_line *line, char *to)
{
    const char *at = line->text, *end = at + line->length;
    size_t length = 0;
    for (int c = next_char(&at, end); c >= 0; c = next_char(&at, end)) {
        if (length == LONGEST)
            return LONGEST + 1;
        to[length++] = (char)c;
    }
    return length;
}

/* Levenshtein's distance. */
static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
    uint16_t row[LONGEST_DIFFERENCE + 1];
    for (size_t j = 0; j <= m; j++)
        row[j] = (uint16_t)j;
    for (size_t i = 1; i <= n; i++) {
        uint16_t corner = row[0];
        row[0] = (uint16_t)i;
        for (size_t j = 1; j <= m; j++) {
            uint16_t change = (uint16_t)(corner + (a[i - 1] != b[j - 1]));
            corner = row[j];
            uint16_t gap = (uint16_t)((row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1);
            row[j] = change < gap ? change : gap;
        }
    }
    return row[m];
}

double aire__fold_likeness(const aire_line *a, const aire_line *b, size_t *edits)
{
    size_t unused;
    edits = edits ? edits : &unused;
    *edits = SIZE_MAX;
    char x[LONGEST], y[LONGEST];
    size_t n = fold_into(a, x), m = fold_into(b, y), longer = n > m ? n : m, from = 0;
    if (longer > LONGEST || longer == 0 || 2 * (n < m ? n : m) < longer)
        return longer == 0 ? 1 : 0;
    while (from < n && from < m && x[from] == y[from])
        from++;
    while (n > from && m > from && x[n - 1] == y[m - 1]) {
        n--;
        m--;
    }
    if (n - from > LONGEST_DIFFERENCE || m - from > LONGEST_DIFFERENCE)
        return 0;
    *edits = distance(x + from, n - from, y + from, m - from);
    return 1 - (double)*edits / (double)longer;
}

bool aire__line_is_comment(const aire_line *line)
{
    const char *at = line->text, *end = at + line->length;
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    if (at == end)
        return false;
    if (*at == '#' || *at == '*' || *at == '"')
        return true;
    return end - at > 1 && *at == '/' && (at[1] == '/' || at[1] == '*');
}

static int next_digit(const char **at, const char *end)
{
    while (*at < end) {
        char c = *(*at)++;
        if (isdigit((unsigned char)c))
            return c;
    }
    return -1;
}

bool aire__same_digits(const aire_line *a, const aire_line *b)
{
    const char *x = a->text, *y = b->text;
    for (;;) {
        int c = next_digit(&x, a->text + a->length), d = next_digit(&y, b->text + b->length);
        if (c != d)
            return false;
        if (c < 0)
            return true;
    }
}

double aire__line_weight(const aire_line *line)
{
    enum { TELLING = 6 };
    const char *at = line->text, *end = at + line->length;
    size_t length = 0, letters = 0;
    for (int c = next_char(&at, end); c >= 0 && length < 16; c = next_char(&at, end), length++)
        letters += isalnum(c) != 0 || c >= 0x80;
    if (length == 0)
        return 0.1;
    return letters >= TELLING ? 1 : letters >= 3 ? 0.7 : 0.4;
}
