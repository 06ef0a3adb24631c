/* The templates that the library brings along: the files of lib/prompt/templates, as they are. */
#ifndef AIRE_PROMPT_BUILTIN_H
#define AIRE_PROMPT_BUILTIN_H

extern const char aire__template_fresh[], aire__template_exploit[], aire__template_explore[],
    aire__template_crossover[], aire__template_repair[], aire__template_implement[],
    aire__template_revise[], aire__template_notes[], aire__template_settings[],
    aire__template_debug[], aire__template_verify[];

#endif
