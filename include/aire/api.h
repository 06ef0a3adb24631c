/**
 * @file api.h
 * Version, export and declaration macros that every public header builds on.
 */
#ifndef AIRE_API_H
#define AIRE_API_H

#include <stddef.h>
#include <stdint.h>

/** Version of the headers. Before 1.0.0 the ABI may change with every minor version. */
#define AIRE_VERSION_MAJOR 0
#define AIRE_VERSION_MINOR 1
#define AIRE_VERSION_PATCH 0

/** True when the headers are at least version @p major.@p minor.@p patch. */
#define AIRE_VERSION_AT_LEAST(major, minor, patch)                                                 \
    (AIRE_VERSION_MAJOR > (major) ||                                                               \
     (AIRE_VERSION_MAJOR == (major) &&                                                             \
      (AIRE_VERSION_MINOR > (minor) ||                                                             \
       (AIRE_VERSION_MINOR == (minor) && AIRE_VERSION_PATCH >= (patch)))))

#ifdef __cplusplus
#define AIRE_BEGIN_DECLS extern "C" {
#define AIRE_END_DECLS }
#else
#define AIRE_BEGIN_DECLS
#define AIRE_END_DECLS
#endif

#if defined(__GNUC__)
#define AIRE_API __attribute__((visibility("default")))
/** The caller must look at the returned value: a status, or a new reference. */
#define AIRE_CHECK __attribute__((warn_unused_result))
#else
#define AIRE_API
#define AIRE_CHECK
#endif

AIRE_BEGIN_DECLS

/**
 * Version of the library that is loaded, as major * 1000000 + minor * 1000 + patch.
 * Thread-safe. @since 0.1
 */
AIRE_API uint32_t aire_version_number(void);

/** Version of the library that is loaded, such as "0.1.0". Static storage. @since 0.1 */
AIRE_API const char *aire_version_string(void);

AIRE_END_DECLS

#endif
