/* The error detail of each thread: in thread-local storage, so that setting it cannot fail. */
#include "aire/error.h"

#include <string.h>

struct aire_error {
    aire_status status;
    int32_t code;
    char message[AIRE_ERROR_MESSAGE_MAX];
};

static _Thread_local struct aire_error last_error;

const aire_error *aire_last_error(void)
{
    return &last_error;
}

aire_status aire_error_status(const aire_error *error)
{
    return error ? error->status : AIRE_OK;
}

const char *aire_error_message(const aire_error *error)
{
    return error ? error->message : "";
}

int32_t aire_error_code(const aire_error *error)
{
    return error ? error->code : 0;
}

/* Length of text that fits, not cutting a UTF-8 sequence in two. */
static size_t fitting_length(const char *text)
{
    size_t length = strnlen(text, AIRE_ERROR_MESSAGE_MAX);
    if (length < AIRE_ERROR_MESSAGE_MAX)
        return length;
    length = AIRE_ERROR_MESSAGE_MAX - 1;
    while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
        length--;
    return length;
}

aire_status aire_error_set(aire_status status, int32_t code, const char *message)
{
    if (!message || !*message)
        message = status == AIRE_OK ? "" : aire_status_message(status);
    size_t length = fitting_length(message);
    memmove(last_error.message, message, length); /* the message may be our own, sent back */
    last_error.message[length] = '\0';
    last_error.status = status;
    last_error.code = code;
    return status;
}
