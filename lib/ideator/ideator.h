/* Ideators, from the inside. */
#ifndef AIRE_IDEATOR_IDEATOR_H
#define AIRE_IDEATOR_IDEATOR_H

#include "aire/ideator.h"

/* The user data of an ideator that was made with these functions; NULL if it is another kind. */
void *aire__ideator_data(const aire_ideator *ideator, const aire_ideator_ops *ops);

#endif
