/* The rule for structs that carry their own size. */
#include "base/options.h"

#include <stdbool.h>
#include <string.h>

#include "base/fail.h"

/* No honest struct is larger; a larger number is an uninitialised one. */
enum { SIZE_MAX_SANE = 4096 };

static bool all_zero(const unsigned char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (bytes[i])
            return false;
    return true;
}

static aire_status check_size(uint32_t given, size_t oldest, const char *name)
{
    if (given >= oldest && given <= SIZE_MAX_SANE)
        return AIRE_OK;
    return aire__fail(AIRE_ABI,
                      "%s: struct_size is %u, expected at least %zu; set it with the INIT macro",
                      name, (unsigned)given, oldest);
}

aire_status aire__options_take(const void *given, void *ours, size_t size, size_t oldest,
                               const char *name)
{
    uint32_t given_size = (uint32_t)size;
    memset(ours, 0, size);
    if (given) {
        memcpy(&given_size, given, sizeof given_size);
        aire_status status = check_size(given_size, oldest, name);
        if (status != AIRE_OK)
            return status;
        if (given_size > size && !all_zero((const unsigned char *)given + size, given_size - size))
            return aire__fail(AIRE_ABI,
                              "%s: a field is set that this version of the library does not know",
                              name);
        memcpy(ours, given, given_size < size ? given_size : size);
    }
    given_size = (uint32_t)size;
    memcpy(ours, &given_size, sizeof given_size);
    return AIRE_OK;
}

aire_status aire__options_init(void *options, size_t given_size, size_t size, size_t oldest,
                               const char *name)
{
    if (!options)
        return aire__fail(AIRE_INVALID, "%s: options is NULL", name);
    if (given_size < oldest || given_size > SIZE_MAX_SANE)
        return check_size((uint32_t)given_size, oldest, name);
    memset(options, 0, given_size);
    uint32_t stored = (uint32_t)given_size;
    memcpy(options, &stored, sizeof stored);
    return AIRE_OK;
}

aire_status aire__options_give(const void *ours, void *given, size_t size, size_t oldest,
                               const char *name)
{
    uint32_t given_size;
    memcpy(&given_size, given, sizeof given_size);
    aire_status status = check_size(given_size, oldest, name);
    if (status != AIRE_OK)
        return status;
    memcpy((unsigned char *)given + sizeof given_size,
           (const unsigned char *)ours + sizeof given_size,
           (given_size < size ? given_size : size) - sizeof given_size);
    if (given_size > size)
        memset((unsigned char *)given + size, 0, given_size - size);
    return AIRE_OK;
}
