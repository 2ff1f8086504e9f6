/** Reaches into a gVisor sandbox, whose processes the machine does not see. */

/**
 * Functions for scripts of the helper, where `$P` is a container's process: `sandboxed` tells whether it is a sandbox, and
 * `inside` runs a script in it, by a shell that has no other program there. The shell comes from outside and needs nothing
 * of the image; of Debian's static ones it is the one that does not mind having no path.
 */
export const sandboxFunctions = `words() { $B tr '\\0' '\\n' </proc/$P/cmdline; }
sandboxed() { [ "$(words | $B head -n 1)" = runsc-sandbox ]; }
sandbox() { words | $B tail -n 1; }
machine() { $B nsenter -t 1 -m -- "$@"; }
inside() {
  machine /bin/sh -c 'exec 9</bin/mksh-static; state=$1 id=$2; shift 2
exec /usr/bin/runsc --root="$state" exec -user 0:0 -cap CAP_SYS_PTRACE -cap CAP_KILL -exec-fd=9 "$id" mksh -c "$@"' \\
    sh "$(words | $B sed -n 's/^--root=//p')" "$(sandbox)" "$@" </dev/null
}`

/** As a word of a shell. */
export const shellWord = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
