/* Names and messages of the status codes, from the one list in the public header. */
#include "aire/status.h"

const char *aire_status_name(aire_status status)
{
    switch (status) {
#define NAME(name, value, message)                                                                 \
    case value:                                                                                    \
        return "AIRE_" #name;
        AIRE_STATUS_MAP(NAME)
#undef NAME
    default:
        return "AIRE_?";
    }
}

const char *aire_status_message(aire_status status)
{
    switch (status) {
#define MESSAGE(name, value, message)                                                              \
    case value:                                                                                    \
        return message;
        AIRE_STATUS_MAP(MESSAGE)
#undef MESSAGE
    default:
        return "unknown status";
    }
}
