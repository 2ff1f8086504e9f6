/** Which Matrix this is. */
import manifest from '../../package.json' with { type: 'json' }

export const tool = { name: 'matrix', version: manifest.version } as const
