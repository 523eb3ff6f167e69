#!/bin/sh
# Stands in for the rack's switch. `off` frees the board and cuts its power; `flash IMAGE` wants
# to be root, and an image whose checksum fits.
case $1 in
off)
    rmdir "$HOME/rack/in-use" 2>/dev/null
    echo off >"$HOME/rack/power"
    echo "board ccu2-01: power off"
    ;;
flash)
    if [ "$STUB_ROOT" != 1 ]; then
        echo "flash: must be root" >&2
        exit 1
    fi
    sum=$(sha256sum <"$2" | cut -d' ' -f1)
    if [ "$sum" != "$(cat "$2.sha256")" ]; then
        echo "flash: image is not whole" >&2
        exit 4
    fi
    echo "flashed $2"
    ;;
esac
