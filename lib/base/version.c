/* The version of the library, from the public header. */
#include "aire/api.h"

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

uint32_t aire_version_number(void)
{
    return AIRE_VERSION_MAJOR * 1000000u + AIRE_VERSION_MINOR * 1000u + AIRE_VERSION_PATCH;
}

const char *aire_version_string(void)
{
    return TEXT(AIRE_VERSION_MAJOR) "." TEXT(AIRE_VERSION_MINOR) "." TEXT(AIRE_VERSION_PATCH);
}
