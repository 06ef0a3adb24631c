/**
 * @file aire.h
 * The research loop: everything that a host program needs to search by execution.
 */
#ifndef AIRE_AIRE_H
#define AIRE_AIRE_H

#include "aire/api.h"
#include "aire/budget.h"
#include "aire/cancel.h"
#include "aire/completion.h"
#include "aire/confirm.h"
#include "aire/context.h"
#include "aire/draft.h"
#include "aire/embedding.h"
#include "aire/ensemble.h"
#include "aire/env.h"
#include "aire/error.h"
#include "aire/executor.h"
#include "aire/idea.h"
#include "aire/ideator.h"
#include "aire/model.h"
#include "aire/model_call.h"
#include "aire/patch.h"
#include "aire/plan.h"
#include "aire/prompt.h"
#include "aire/result.h"
#include "aire/sandbox.h"
#include "aire/searcher.h"
#include "aire/slurm.h"
#include "aire/stats.h"
#include "aire/status.h"
#include "aire/store.h"

#endif
