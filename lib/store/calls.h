/* The call sink that a store is for its context. */
#ifndef AIRE_STORE_CALLS_H
#define AIRE_STORE_CALLS_H

#include "aire/model_call.h"

/* An aire_call_sink; `user_data` is the store. */
aire_status aire__store_take_call(const aire_model_call *call, void *user_data);

#endif
