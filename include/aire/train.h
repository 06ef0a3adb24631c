/**
 * @file train.h
 * The training engine: everything that a training program needs. Experimental: it may change with
 * every minor version.
 */
#ifndef AIRE_TRAIN_H
#define AIRE_TRAIN_H

#include "aire/api.h"
#include "aire/cancel.h"
#include "aire/context.h"
#include "aire/data.h"
#include "aire/error.h"
#include "aire/optim.h"
#include "aire/safetensors.h"
#include "aire/status.h"
#include "aire/tensor.h"

#endif
