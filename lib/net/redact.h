/* Keeping a secret out of text that somebody else wrote. */
#ifndef AIRE_NET_REDACT_H
#define AIRE_NET_REDACT_H

#include <stddef.h>

/*
 * Star out each occurrence of the secret (NULL: none), and of 16 or more bytes in a row of it, in an
 * answer that is to be used. A secret of fewer than 16 bytes is left alone: it may be an ordinary
 * word, such as the "none" that local servers are content with.
 */
void aire__redact(char *text, size_t length, const char *secret);

/*
 * How many bytes at the end of a text that goes on may turn out to be such a secret: what may be its
 * beginning, and a part of at least 8 bytes after which the secret goes on. Who shows the text
 * without them shows fewer than 8 bytes of a part that is starred out once it is long enough.
 */
size_t aire__redact_begun(const char *text, size_t length, const char *secret);

/*
 * Star out even parts of the secret, in a message that is only shown: servers like to answer
 * "incorrect key: sk-abcd****wxyz". Fewer than 4 bytes are no secret. A part is a run of at least 8
 * bytes that stands in the secret, or a shorter secret as a whole, or at least 4 bytes of it next
 * to a run of stars.
 */
void aire__redact_parts(char *text, const char *secret);

#endif
