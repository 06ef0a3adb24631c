/* Requests, checked where they come in. */
#ifndef AIRE_MODEL_REQUEST_H
#define AIRE_MODEL_REQUEST_H

#include "aire/model.h"

/* Copy a caller's request (its strings stay borrowed) if it can be asked: AIRE_INVALID, AIRE_ABI.
 */
aire_status aire__request_take(const aire_request *given, aire_request *ours);

#endif
