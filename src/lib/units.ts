/** Compose's units of size and time. */

const sizes: Readonly<Record<string, number>> = {
  b: 1,
  k: 1024,
  kb: 1024,
  m: 1024 ** 2,
  mb: 1024 ** 2,
  g: 1024 ** 3,
  gb: 1024 ** 3,
}

/** `512m` → bytes; null where the text is no size with a unit. */
export function parseSize(text: string): number | null {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)\s*([a-z]{1,2})$/i.exec(text.trim()) ?? []
  const factor = unit === undefined ? undefined : sizes[unit.toLowerCase()]
  return digits === undefined || factor === undefined ? null : Math.round(Number(digits) * factor)
}

const times: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** `1m30s` → milliseconds; null where the text is no time with a unit. */
export function parseDuration(text: string): number | null {
  const trimmed = text.trim()
  if (!/^(?:\d+(?:\.\d+)?(?:us|ms|s|m|h))+$/.test(trimmed)) return null
  let total = 0
  for (const [, digits, unit] of trimmed.matchAll(/(\d+(?:\.\d+)?)(us|ms|s|m|h)/g))
    total += Number(digits) * (times[unit ?? ''] ?? 0)
  return total
}
