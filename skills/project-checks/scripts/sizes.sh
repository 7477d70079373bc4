#!/bin/sh
# List the files and folders that take the most space.
set -eu

usage() {
    echo "usage: sizes.sh [-n COUNT] [FOLDER]"
    echo
    echo "  FOLDER     folder to measure (default: .)"
    echo "  -n COUNT   lines to print (default: 15)"
    echo "  -h         this text"
}

count=15
while getopts n:h option; do
    case $option in
        n) count=$OPTARG ;;
        h) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
done
shift $((OPTIND - 1))
folder=${1:-.}

[ -d "$folder" ] || { echo "sizes.sh: $folder is not a folder" >&2; exit 2; }
du -ak -- "$folder" | sort -rn | head -n "$count"
