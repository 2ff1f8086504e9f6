import { defineConfig } from 'vitest/config'

const level = (name: string, timeoutMs: number, serial = false) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout: timeoutMs,
    hookTimeout: timeoutMs,
    ...(serial ? { fileParallelism: false } : {}),
  },
})

/** One project a test level; `scripts/test.mjs` runs them all, cheapest first. */
export default defineConfig({
  test: {
    projects: [
      level('architecture', 30_000),
      level('unit', 120_000),
      level('contract', 180_000, true),
      level('integration', 600_000, true),
      level('cli', 300_000, true),
      level('report', 300_000, true),
      level('stacks', 900_000, true),
      level('full', 1_800_000, true),
    ],
  },
})
