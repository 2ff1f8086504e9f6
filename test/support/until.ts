/** Waiting for what can only be asked for: with pauses, so that whoever is asked, emulated perhaps, has the processors meanwhile. */
const pauseMs = 50

/** Resolves once it holds; a test that waits in vain ends by its own deadline. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, pauseMs))
}
