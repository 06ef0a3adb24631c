/* Thinking that a server left in an answer. */
#include "prompt/thinking.h"

#include <string.h>

#include "base/str.h"
#include "patch/thinking.h"

char *aire__after_thinking(char *text)
{
    bool open;
    return text + aire__thinking_end(text, strlen(text), &open);
}

bool aire__begins_thinking(const char *text)
{
    text += strspn(text, " \t\n");
    return aire__starts_with(text, "<think>") || aire__starts_with(text, "<thinking>");
}
