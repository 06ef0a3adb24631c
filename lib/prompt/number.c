/* Numbers as text, whatever the host's locale is. */
#include "prompt/number.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Exponents from and up to which a plain number is no longer than one with an exponent. */
enum { PLAIN_MIN = -4, PLAIN_MAX = 15, DIGITS_MAX = 17 };

bool aire__number_parse(const char *text, size_t length, double *out)
{
    char copy[AIRE_NUMBER_MAX * 2];
    if (length == 0 || length >= sizeof copy || strspn(text, "+-.0123456789eE") < length)
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c)
        return false;
    char *end;
    double value = strtod_l(copy, &end, c);
    freelocale(c);
    if (end != copy + length || !isfinite(value))
        return false;
    *out = value;
    return true;
}

/* The digits and the exponent of "%.{digits - 1}e", whose point may be any character. */
static int decompose(double value, int digits, char out[DIGITS_MAX + 1])
{
    char text[AIRE_NUMBER_MAX * 2];
    snprintf(text, sizeof text, "%.*e", digits - 1, fabs(value));
    int count = 0;
    const char *at = text;
    for (; *at && *at != 'e'; at++)
        if (*at >= '0' && *at <= '9' && count < digits)
            out[count++] = *at;
    while (count > 1 && out[count - 1] == '0')
        count--;
    out[count] = '\0';
    return *at ? (int)strtol(at + 1, NULL, 10) : 0;
}

static void compose(bool negative, const char *digits, int exponent, char out[AIRE_NUMBER_MAX])
{
    int count = (int)strlen(digits);
    const char *sign = negative ? "-" : "";
    if (exponent < PLAIN_MIN || exponent >= PLAIN_MAX)
        snprintf(out, AIRE_NUMBER_MAX, "%s%c%s%se%d", sign, digits[0], count > 1 ? "." : "",
                 digits + 1, exponent);
    else if (exponent < 0)
        snprintf(out, AIRE_NUMBER_MAX, "%s0.%.*s%s", sign, -exponent - 1, "0000000", digits);
    else if (count <= exponent + 1)
        snprintf(out, AIRE_NUMBER_MAX, "%s%s%.*s", sign, digits, exponent + 1 - count,
                 "000000000000000");
    else
        snprintf(out, AIRE_NUMBER_MAX, "%s%.*s.%s", sign, exponent + 1, digits,
                 digits + exponent + 1);
}

void aire__number_text(double value, int digits, char out[AIRE_NUMBER_MAX])
{
    char mantissa[DIGITS_MAX + 1];
    for (int count = 1; count <= digits; count++) {
        int exponent = decompose(value, count, mantissa);
        double back = value;
        compose(value < 0, mantissa, exponent, out);
        if (aire__number_parse(out, strlen(out), &back) && back == value)
            return;
    }
}
