#!/bin/bash
# Run run_job.sh with the files of AIRE_DATA beside it. GRPO's evaluation prints "Accuracy: 12/50 = 24.0%",
# which is said again at the end as "accuracy: 0.24".
for file in "${AIRE_DATA:-/nonexistent}"/*; do
    if [ -e "$file" ] && [ ! -e "./${file##*/}" ]; then ln -s "$file" .; fi
done
bash run_job.sh 2>&1 | tee /tmp/run_job.log
status=${PIPESTATUS[0]}
awk '$1 == "Accuracy:" && split($2, part, "/") == 2 && part[2] > 0 { printf "accuracy: %.6f\n", part[1] / part[2] }' /tmp/run_job.log
exit "$status"
