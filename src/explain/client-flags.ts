/** What a container is started with, as flags of the engines' own command lines. */
import type { EffectiveConfig } from '../model/plan.ts'

/** Flags of `docker run` and `podman run`, each a word of its own, quoted for a shell. */
export function clientFlags(config: EffectiveConfig, variableOf: (secret: string) => string): readonly string[] {
  const { constraints: c } = config
  const flag = (name: string, value: string | number | undefined) =>
    value === undefined ? [] : [`--${name}`, quote(String(value))]
  const each = (name: string, values: readonly string[] = []) => values.flatMap((value) => flag(name, value))
  const pairs = (name: string, map: Readonly<Record<string, string>> = {}, between = '=') =>
    each(
      name,
      Object.entries(map).map(([key, value]) => (value === '' && between === ':' ? key : `${key}${between}${value}`)),
    )
  const ulimits = Object.entries(c.ulimits ?? {}).map(([name, { soft, hard }]) => `${name}=${soft}:${hard}`)
  const graceSeconds = c.stop_grace_period === undefined ? undefined : Math.ceil(c.stop_grace_period / 1000)
  return [
    ...flag('memory', c.mem_limit),
    ...flag('memory-swap', c.memswap_limit),
    ...flag('cpus', c.cpus),
    ...flag('cpuset-cpus', c.cpuset),
    ...flag('pids-limit', c.pids_limit),
    ...flag('shm-size', c.shm_size),
    ...each('ulimit', ulimits),
    ...(c.read_only === true ? ['--read-only'] : []),
    ...pairs('tmpfs', c.tmpfs, ':'),
    ...flag('user', c.user),
    ...each('group-add', c.group_add),
    ...each('cap-drop', c.cap_drop),
    ...each('cap-add', c.cap_add),
    ...each(
      'security-opt',
      c.security_opt?.map(({ text }) => text),
    ),
    ...pairs('sysctl', c.sysctls),
    ...each('dns', c.dns),
    ...pairs('add-host', c.extra_hosts, ':'),
    ...flag('hostname', c.hostname),
    ...flag('network', c.network_mode),
    ...(c.init === true ? ['--init'] : []),
    ...flag('ipc', c.ipc),
    ...flag('userns', c.userns_mode),
    ...flag('runtime', c.runtime),
    ...flag('platform', c.platform),
    ...flag('stop-signal', c.stop_signal),
    ...flag('stop-timeout', graceSeconds),
    ...Object.entries(config.environment).flatMap(([name, value]) => [
      '--env',
      typeof value === 'string' ? quote(`${name}=${value}`) : `${quote(`${name}=`)}"$${variableOf(value.secret)}"`,
    ]),
    ...each(
      'volume',
      config.volumes.map(({ target }) => target),
    ),
    ...flag('workdir', config.workingDir),
    ...flag('entrypoint', config.entrypoint?.[0]),
  ]
}

/** The words after the image. */
export function clientArguments(config: EffectiveConfig): readonly string[] {
  return [...(config.entrypoint?.slice(1) ?? []), ...(config.command ?? [])].map(quote)
}

/** One word of a shell, whatever is in it. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
