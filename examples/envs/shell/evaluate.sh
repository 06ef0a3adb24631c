# The trusted evaluation: reads the point, checks it, and computes the height of the curve there.
read -r x y rest <"$AIRE_OUT/point"
refuse() {
    echo "{\"refused\": {\"detail\": \"$1\"}}" >&"$AIRE_REPORT_FD"
    exit 0
}
[ -z "$rest" ] || refuse "more than two numbers"
for value in "$x" "$y"; do
    case "${value#-}" in "" | *[!0-9]* | ???????*) refuse "a coordinate is no small integer" ;; esac
done
height=$(((x - 3) * (x - 3) + (y - 7) * (y - 7)))
echo "{\"metrics\": {\"height\": $height}}" >&"$AIRE_REPORT_FD"
