/**
 * Programs that only the tests need: an ssh server to reach an engine through, a registry to hand images over in, what makes a
 * network of its own, what reproductions ask with, and a browser to read the report in.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { run } from './steps.mjs'

/** File → Debian's package. */
const forEngines = {
  '/usr/sbin/sshd': 'openssh-server',
  '/usr/bin/ssh-keygen': 'openssh-client',
  '/usr/bin/openssl': 'openssl',
  '/usr/bin/ps': 'procps',
  '/usr/bin/ip': 'iproute2',
  '/usr/bin/curl': 'curl',
  '/usr/bin/docker-registry': 'docker-registry',
}
/** Package → the service that it brings. */
const services = { 'openssh-server': 'ssh', 'docker-registry': 'docker-registry' }
const forReports = {
  '/usr/bin/chromium': 'chromium',
  '/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf': 'fonts-dejavu-core',
}

/** Installs what is missing, as root on Debian; elsewhere the tests that need it say so and fail. No service is started. */
export async function installTestPrograms(levels) {
  const packageOf = {
    ...(levels.some((level) => level === 'contract' || level === 'integration') ? forEngines : {}),
    ...(levels.includes('report') ? forReports : {}),
  }
  const missing = Object.keys(packageOf).filter((program) => !existsSync(program))
  if (missing.length === 0 || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return
  const packages = missing.map((program) => packageOf[program])
  // Debian asks this program whether a package may start its service; 101 forbids it.
  const policy = '/usr/sbin/policy-rc.d'
  const ours = !existsSync(policy)
  if (ours) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    console.error(`\n▸ Installing ${packages.join(', ')}, which only the tests need`)
    for (const args of [
      ['update', '-qq'],
      ['install', '-y', '-qq', '--no-install-recommends', ...packages],
    ]) {
      if ((await run('apt-get', args)) !== 0) return console.error('✗ The tests that need them will fail.')
    }
  } finally {
    if (ours) rmSync(policy, { force: true })
  }
  // Nor with the next start of the machine: the tests run a server of their own.
  if (!existsSync('/run/systemd/system')) return
  for (const [name, service] of Object.entries(services)) {
    if (packages.includes(name)) spawnSync('systemctl', ['disable', service], { stdio: 'ignore' })
  }
}
