/** `${VAR}`, `${VAR:-default}` and `${VAR:?message}` in values; `$${` writes a literal `${`. */
export type Variables = Readonly<Record<string, string | undefined>>

export function interpolate(
  text: string,
  variables: Variables,
): { readonly text: string; readonly problems: readonly string[] } {
  const problems: string[] = []
  const filled = text.replace(/\$\$\{|\$\{([^}]*)\}/g, (whole, inner: string | undefined) => {
    if (whole === '$${') return '${'
    const [, name, operator, rest] = /^([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-?])(.*))?$/s.exec(inner ?? '') ?? []
    if (name === undefined) {
      problems.push(
        `"${whole}" is no variable; write \${NAME}, \${NAME:-default} or \${NAME:?message}, or $\${ for a literal one`,
      )
      return ''
    }
    const value = variables[name]
    const present = operator?.startsWith(':') === true ? value !== undefined && value !== '' : value !== undefined
    if (present) return value ?? ''
    if (operator?.endsWith('-') === true) return rest ?? ''
    problems.push(
      operator?.endsWith('?') === true && rest
        ? `${name}: ${rest}`
        : `the variable ${name} is not set, and there is no default; write \${${name}:-default}`,
    )
    return ''
  })
  return { text: filled, problems }
}
