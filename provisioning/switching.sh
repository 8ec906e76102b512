# Point a link of the gateway to something new, and back again when the gateway is not healthy with it.
# Runs on the gateway by itself, so that a laptop that leaves changes nothing.
#   sh switching.sh ROOT LINK NEW HOLD PATIENCE URL
# ROOT and LINK make the path; NEW is relative to its folder. It must be healthy for HOLD of at most PATIENCE seconds;
# URL "" asks no health page. "pending" is written before anything moves: who finds it after a power cut judges again.
set -u
root=$1 link=$1$2 new=$3 hold=$4 patience=$5 url=$6
state=$root/var/lib/senzorika-update

keep() { # NAME TEXT
  printf '%s\n' "$2" >"$state/$1.new" && sync "$state/$1.new" && mv -f "$state/$1.new" "$state/$1" && sync "$state"
}

point() { # TO
  rm -f "$link.new" && ln -s "$1" "$link.new" && mv -fT "$link.new" "$link" && sync "$(dirname "$link")"
}

unhealthy() { # says why
  systemctl is-active --quiet senzorika-gateway || { echo "the service does not run"; return 0; }
  [ -n "$url" ] || return 1
  python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=5)' "$url" 2>/dev/null ||
    { echo "$url does not answer that it is well"; return 0; }
  return 1
}

holds() { # 0 when it was healthy for so long; else $why says what was wrong last
  healthy=0 waited=0 why="it never was healthy for $hold s"
  while [ "$waited" -lt "$patience" ]; do
    if said=$(unhealthy); then healthy=0 why=$said; else healthy=$((healthy + 1)); fi
    [ "$healthy" -gt "$hold" ] && return 0 # the first look is at its start
    sleep 1
    waited=$((waited + 1))
  done
  return 1
}

mkdir -p "$state"
exec 9>"$state/lock"
flock -n 9 || exit 0 # one is at it; its result is waited for
old=$(readlink "$link") || old=- # the first: there is nothing to go back to
# After a power cut the link may point to the new already.
[ -f "$state/pending" ] && old=$(cut -d ' ' -f 2 "$state/pending")
rm -f "$state/result"
keep pending "$2 $old $new"
point "$new"
systemctl restart senzorika-gateway
if holds; then
  keep result "done"
elif [ "$old" = - ]; then
  keep result "lost $why"
else
  reason=$why
  point "$old"
  systemctl restart senzorika-gateway
  if holds; then keep result "back $reason"; else keep result "lost $reason; and with what was before: $why"; fi
fi
rm -f "$state/pending"
