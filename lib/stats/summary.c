/*
 * Mean and spread of a sample, updated value by value: the mean of equal values is that value, with
 * no spread, which a sum divided by the count would not promise.
 */
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
    double squares = 0;
    result.min = result.max = values[0];
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i]))
            return aire__fail(AIRE_INVALID, "aire_stats_summary: value %zu is not finite", i);
        double step = values[i] - result.mean;
        result.mean += step / (double)(i + 1);
        squares += step * (values[i] - result.mean);
        result.min = fmin(result.min, values[i]);
        result.max = fmax(result.max, values[i]);
    }
    if (!isfinite(squares))
        return aire__fail(AIRE_INVALID,
                          "aire_stats_summary: values from %g to %g have no spread "
                          "that is a number",
                          result.min, result.max);
    result.deviation = count > 1 ? sqrt(squares / (double)(count - 1)) : 0;
    return aire__options_give(&result, summary, sizeof result, sizeof result, "aire_summary");
}
