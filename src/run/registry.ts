/** Which registry an environment's engine gets images from. */
import type { UsedRegistry } from '../images/handover.ts'
import type { Plan } from '../model/plan.ts'

/** Its own, else the project's; null: images are sent. */
export function registryFor(
  environment: string,
  { plan, secret }: { readonly plan: Plan; readonly secret: (name: string) => string },
): UsedRegistry | null {
  const registry = plan.environments.find(({ id }) => id === environment)?.registry ?? plan.project.registry
  if (registry === null) return null
  const { address, login } = registry
  if (login === undefined) return { address }
  const server = address.split('/', 1)[0] ?? address
  return { address, login: { server, username: login.username, password: secret(login.password.secret) } }
}
