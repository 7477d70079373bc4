#!/bin/sh
# Makes the pictures and the film of the documentation: real screens of the program. Needs python3 and git.
# Usage: assets/pictures.sh target/release/skilldeck [FOLDER]
# With ONLY=made-with it only writes down what a picture shows of the machine.
set -eu
program=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
to=$(realpath "${2:-$here}")
# A name that is the same every time: it is on the screens.
HOME=/tmp/skilldeck-pictures
mkdir "$HOME"
# What else could change a screen is not passed on.
unset NO_COLOR XDG_CONFIG_HOME XDG_STATE_HOME XDG_CACHE_HOME XDG_DATA_HOME
export HOME LC_ALL=C.UTF-8
server=
trap 'test -z "$server" || kill "$server"; rm -rf "$HOME"' EXIT
{
    python3 --version
    "$program" doctor | grep -v kernel
} >"$to/made-with" 2>&1
test "${ONLY:-}" != made-with || exit 0

mkdir -p "$HOME/work"
cp -r "$here/../skills" "$HOME/work/.skills"
cd "$HOME/work"
picture() {
    name=$1
    shift
    "$program" screenshot --size 116x34 "$@" --output "$to/$name.svg"
}
picture workbench --keys 'rRelease notes<enter><tab>jrassets/orders.csv<enter><tab>jjjjjr'
picture denial --keys 'jjjjjjr<enter>'
picture diagnostics --theme light --keys '<tab><tab>jj'

# The film: tests/workbench/demo.rs presses the same keys and says what has to be seen.
mkdir -p "$HOME/demo/.skills" "$HOME/demo/docs" "$HOME/page"
cp -r "$here/demo/release-notes" "$HOME/demo/.skills"
echo 'Version {version} is out, from template {revision}.' >"$HOME/demo/docs/release.md"
echo '{"version": "1.4.0"}' >"$HOME/page/latest.json"
python3 -m http.server 8137 --bind 127.0.0.1 --directory "$HOME/page" >/dev/null 2>&1 &
server=$!
cd "$HOME/demo"
film() {
    cp "$here/demo/release-notes/SKILL.md" .skills/release-notes
    rm -f .skills/release-notes/policy.yaml
    "$program" screenshot --size 92x26 --keys "$(cat "$here/demo/keys")" --pace 2.5 "$@"
}
until python3 -c 'import socket; socket.create_connection(("127.0.0.1", 8137))' 2>/dev/null; do sleep 0.1; done
film --as film --output "$to/demo.svg"
film --as asciicast --output "$to/demo.cast"
