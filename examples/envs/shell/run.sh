# The run: hands the point over as data.
. ./params.sh
if [ "$halve" = yes ]; then
    x=$((x / 2))
    y=$((y / 2))
fi
echo "$x $y" >"$AIRE_OUT/point"
