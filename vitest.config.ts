import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

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

/** What takes longest, the longest first: left for the end, it would keep a processor waiting for it. */
const longest = [
  ...['contract/vm', 'contract/hosts', 'integration/swarm', 'integration/verification'],
  ...['report/report', 'integration/explain', 'integration/hosts'],
]

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const index = longest.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`))
      return index === -1 ? longest.length : index
    }
    return (await super.sort(files)).sort((a, b) => place(a) - place(b))
  }
}

/**
 * One project a test level; `scripts/test.mjs` runs them all, cheapest first. What runs on a real engine mostly waits, for
 * deadlines and grace periods above all, so that more files than there are processors run side by side, of four levels
 * together; but for the project's own stacks, which take every processor by themselves.
 */
export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      level('architecture', 30_000, 2),
      level('unit', 120_000, 2),
      level('contract', 180_000, 3),
      level('integration', 600_000, 3),
      level('cli', 300_000, 3),
      level('report', 300_000, 3),
      level('stacks', 900_000, 1),
      level('full', 1_800_000, 1),
    ],
  },
})
