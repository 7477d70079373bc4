#!/bin/sh
# Makes the pictures of the documentation: real screens of the program, on the sample skills.
# Usage: assets/pictures.sh target/release/skilldeck
set -eu
program=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
HOME=$(mktemp -d)
export HOME
trap 'rm -rf "$HOME"' EXIT
mkdir -p "$HOME/work"
cp -r "$here/../skills" "$HOME/work/.skills"
cd "$HOME/work"
picture() {
    name=$1
    shift
    "$program" screenshot --size 116x34 "$@" --output "$here/$name.svg"
}
picture workbench --keys 'ji<down><enter>r<tab>ji<down><enter>r<tab>jjjjr'
picture denial --keys 'jjjjjjr<enter>'
picture diagnostics --theme light --keys '<tab><tab>jj'
