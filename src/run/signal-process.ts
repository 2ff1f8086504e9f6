/** Sends a signal to processes of a workload, with nothing needed in its image. */
import type { RunningCopy } from './copy-runner.ts'
import { sandboxFunctions, shellWord } from './relay/sandbox.ts'
import type { EngineSession } from './session.ts'

const insideScript = `F=4
for d in /proc/[0-9]*; do
  IFS= read -r c 2>/dev/null <$d/comm && [[ $c = "$1" ]] && kill -s "$2" \${d#/proc/} && F=0
done
exit $F`

/** Every process of that name in the process namespace of \`$1\`. Exit 4: there is none. */
const signalScript = `B=/bin/busybox; P=$1; N=$($B readlink /proc/$P/ns/pid); F=4
${sandboxFunctions}
if sandboxed; then inside ${shellWord(insideScript)} mksh "$2" "$3"; exit; fi
for d in /proc/[0-9]*; do
  [ "$($B readlink $d/ns/pid 2>/dev/null)" = "$N" ] || continue
  [ "$($B cat $d/comm 2>/dev/null)" = "$2" ] || continue
  $B kill -s "$3" "\${d#/proc/}" && F=0
done
exit $F`

/** Without `process`: to the main process, by the engine. Rejects where no such process runs. */
export async function signalProcess(
  session: EngineSession,
  request: {
    readonly running: RunningCopy
    readonly process?: string
    /** Of the signal, such as `SIGTERM`. */
    readonly name: string
    readonly signal: AbortSignal
  },
): Promise<void> {
  const { name, running, signal } = request
  if (request.process === undefined) {
    session.deaths.expect(running.containerId)
    return session.engine.containers.kill(running.containerId, { killSignal: name, signal })
  }
  // The kernel keeps 15 characters of a process's name.
  const args = [String(running.pid()), request.process.slice(0, 15), name.replace(/^SIG/, '')]
  const result = await running.host.helper.script(signalScript, { args, signal })
  if (result.exitCode !== 0) throw new Error(`no process "${request.process}" runs in ${running.copy.alias}`)
}
