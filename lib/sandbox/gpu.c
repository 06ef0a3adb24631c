/* NVIDIA devices as the driver's files show them; nothing of CUDA is needed to lease one. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "sandbox/engine.h"

const char *const aire__gpu_nodes[] = {"/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools",
                                       "/dev/nvidia-modeset", NULL};

/* "GPU UUID: GPU-..." and "Device Minor: N" of one device's file. */
static void read_information(const char *path, int *minor, char uuid[64])
{
    char line[256];
    FILE *file = fopen(path, "re");
    *minor = -1;
    *uuid = '\0';
    while (file && fgets(line, sizeof line, file)) {
        sscanf(line, "GPU UUID: %63s", uuid);
        sscanf(line, "Device Minor: %d", minor);
    }
    if (file)
        fclose(file);
}

void aire__gpu_identity(const char *proc, int32_t gpu, char out[64])
{
    char path[512], uuid[64];
    int minor;
    snprintf(path, sizeof path, "%s/gpus", proc);
    DIR *dir = opendir(path);
    *out = '\0';
    for (struct dirent *entry; dir && !*out && (entry = readdir(dir));) {
        snprintf(path, sizeof path, "%s/gpus/%.255s/information", proc, entry->d_name);
        read_information(path, &minor, uuid);
        if (minor == gpu)
            memcpy(out, uuid, sizeof uuid);
    }
    if (dir)
        closedir(dir);
}
