/* A setting in words. */
#ifndef AIRE_IDEATOR_KNOB_WORDS_H
#define AIRE_IDEATOR_KNOB_WORDS_H

#include "ideator/settings.h"

/* One line: "Raise peak lr from 0.0015 to 0.0031; schedule: cosine". */
void aire__setting_title(aire_buf *buf, const aire_env *env, const aire_turn *turns);

/* The proposal: for each knob what is done to it, what it is, and why it might help. */
void aire__setting_words(aire_buf *buf, const aire_env *env, const aire_turn *turns);

#endif
