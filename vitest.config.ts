import { defineConfig } from 'vitest/config'

/** @param files how many run side by side */
const level = (name: string, timeoutMs: number, files: number) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout: timeoutMs,
    hookTimeout: timeoutMs,
    maxWorkers: files,
  },
})

/**
 * One project a test level; `scripts/test.mjs` runs them all, cheapest first. What runs on a real engine mostly waits, for
 * deadlines and grace periods above all, so that more files than there are processors run side by side; but for the project's
 * own stacks, which take every processor by themselves.
 */
export default defineConfig({
  test: {
    projects: [
      level('architecture', 30_000, 2),
      level('unit', 120_000, 2),
      level('contract', 180_000, 2),
      level('integration', 600_000, 3),
      level('cli', 300_000, 2),
      level('report', 300_000, 1),
      level('stacks', 900_000, 1),
      level('full', 1_800_000, 1),
    ],
  },
})
