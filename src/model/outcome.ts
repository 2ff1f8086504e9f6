/** The closed vocabularies of a run: outcomes, stages, reasons, provenance. */

/** What is known about a cell. Only `fail` can be waived; `?` on a screen is `not-run`. */
export type CellOutcome = 'pass' | 'fail' | 'error' | 'blocked' | 'excluded' | 'cancelled' | 'not-run'
export const cellOutcomes = ['pass', 'fail', 'error', 'blocked', 'excluded', 'cancelled', 'not-run'] as const

/** What is known about one check. `error`: it could not be observed. */
export type CheckOutcome = 'pass' | 'fail' | 'error' | 'not-run'

/** What is known about one image build. `fail`: a step of the product's own exited non-zero. */
export type BuildOutcome = 'pass' | 'fail' | 'error' | 'cancelled'

/** The stages of a cell in the order in which they happen. */
export const stages = [
  'build',
  'distribute',
  'create',
  'start',
  'needs',
  'ready',
  'constraints',
  'check',
  'stays-up',
  'stop',
] as const
export type Stage = (typeof stages)[number]

/** Why a cell or a check is not `pass`, as a code that scripts may rely on. */
export const reasons = [
  'oom-killed', // the kernel ended it for want of memory
  'exited', // its main process ended when it should have been running
  'restarted', // it went down and came back without being told to
  'deadline', // it did not happen in the time allowed
  'refused', // nothing accepted the connection
  'unreachable', // no route to the port, or the connection broke
  'mismatch', // observed, and not what was expected
  'not-in-force', // a declared constraint could not be read back
  'not-enforced', // the environment requires a constraint that this engine does not enforce
  'killed', // it ignored its stop signal and had to be ended by force
  'fail-on', // a log line that readiness declares fatal
  'command', // a command could not be run at all (exit code 126 or 127)
  'rejected', // the engine refused the configuration
  'build-step', // a step of the Dockerfile exited non-zero
  'build-trouble', // the build could not be carried out
  'need-failed', // a stack that this one needs did not come up
  'no-engine', // the engine of the environment could not be brought up
  'not-delivered', // an image could not be brought to the engine
  'engine-lost', // the engine stopped answering
  'node-lost', // a node of a cluster went away
  'disk-full', // the disk that the engine keeps containers on took no more
  'unobservable', // what had to be observed could not be
  'interrupted', // Matrix itself was stopped
  'internal', // a defect of Matrix
] as const
export type Reason = (typeof reasons)[number]

/** How far a constraint of a cell can be believed. */
export type Provenance = 'enforced' | 'emulated' | 'asserted' | 'unsupported'
