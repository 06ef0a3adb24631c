/* Mean and spread of a sample. */
#include <math.h>
#include <stdint.h>

#include "aire/stats.h"
#include "base/fail.h"
#include "base/options.h"

aire_status aire_stats_summary(const double *values, size_t count, aire_summary *summary)
{
    aire_summary result = {.struct_size = sizeof result, .count = count};
    if (!summary || (!values && count > 0))
        return aire__fail(AIRE_INVALID, "aire_stats_summary: values and summary must not be NULL");
    if (count == 0)
        return AIRE_EMPTY;
    result.min = INFINITY;
    result.max = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i]))
            return aire__fail(AIRE_INVALID, "aire_stats_summary: value %zu is not finite", i);
        result.mean += values[i] / (double)count;
        result.min = fmin(result.min, values[i]);
        result.max = fmax(result.max, values[i]);
    }
    double squares = 0;
    for (size_t i = 0; i < count; i++)
        squares += (values[i] - result.mean) * (values[i] - result.mean);
    result.deviation = count > 1 ? sqrt(squares / (double)(count - 1)) : 0;
    return aire__options_give(&result, summary, sizeof result, sizeof result, "aire_summary");
}
