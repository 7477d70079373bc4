#!/bin/sh
# Condense an access log in common or combined format to one screen.
set -eu

usage() {
    cat <<'TEXT'
usage: digest.sh [-e] [-n COUNT] [LOG]

  LOG        access log (default: assets/access.log)
  -n COUNT   lines in each list (default: 10)
  -e         only answers with status 400 and above
  -h         this text
TEXT
}

count=10
errors=no
while getopts n:eh option; do
    case $option in
        n) count=$OPTARG ;;
        e) errors=yes ;;
        h) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
done
shift $((OPTIND - 1))
log=${1:-assets/access.log}

[ -r "$log" ] || { echo "digest.sh: cannot read $log" >&2; exit 2; }

# The lines to look at: one request each, reduced to `client hour path status`.
requests() {
    while read -r client _ _ date _ _ path _ status _; do
        [ "$errors" = no ] || case $status in [123]??) continue ;; esac
        hour=${date#*:}
        echo "$client ${hour%%:*}:00 $path $status"
    done < "$log"
}

# top FIELD TITLE: the most frequent values of one field.
top() {
    printf '\n%s\n' "$2"
    requests | cut -d ' ' -f "$1" | sort | uniq -c | sort -k1,1nr -k2 | head -n "$count"
}

total=$(requests | wc -l | tr -d ' ')
clients=$(requests | cut -d ' ' -f 1 | sort -u | wc -l | tr -d ' ')
echo "$log: $total requests from $clients clients"
[ "$total" -gt 0 ] || exit 0
top 4 "status codes"
top 2 "hours"
top 3 "paths"
top 1 "clients"
