/* Numbers as text that people, models and programs read, whatever the host's locale is. */
#ifndef AIRE_PROMPT_NUMBER_H
#define AIRE_PROMPT_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

#define AIRE_NUMBER_MAX 40

/*
 * The shortest text that reads back as `value` (which is finite), with at most `digits` significant
 * digits (1 to 17): "0.0015", "3e-5", "20000". Fewer digits than needed round it.
 */
void aire__number_text(double value, int digits, char out[AIRE_NUMBER_MAX]);

/* Read a text that is a finite decimal number and nothing else; false leaves *out as it was. */
bool aire__number_parse(const char *text, size_t length, double *out);

#endif
