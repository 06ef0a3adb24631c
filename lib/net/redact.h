/* Keeping a secret out of text that somebody else wrote. */
#ifndef AIRE_NET_REDACT_H
#define AIRE_NET_REDACT_H

#include <stddef.h>

/* Star out each occurrence of the secret (NULL: none). Fewer than 4 bytes are no secret. */
void aire__redact(char *text, size_t length, const char *secret);

/*
 * Star out the parts of the secret, too: servers like to answer "incorrect key: sk-abcd****wxyz".
 * A part is a run of at least 8 bytes that stands in the secret, or a shorter secret as a whole, or
 * at least 4 bytes of it next to a run of stars.
 */
void aire__redact_parts(char *text, const char *secret);

#endif
