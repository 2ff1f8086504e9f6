/** A plain request to the engine, for calls whose typed form in dockerode takes no abort signal. */
import type Dockerode from 'dockerode'

export interface EngineRequest {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** With its query, such as `/info` or `/images/x/json`. */
  readonly path: string
  readonly signal: AbortSignal
  /** Sent as JSON. */
  readonly body?: unknown
  /** Give the response's stream instead of its parsed body. */
  readonly isStream?: boolean
}

/** Rejects with dockerode's own error, which carries `statusCode`. */
export function request<T>(docker: Dockerode, wanted: EngineRequest): Promise<T> {
  return new Promise((resolve, reject) => {
    docker.modem.dial(
      {
        // The client takes the last character off a path that has a query and no options.
        path: wanted.path.includes('?') ? `${wanted.path}&` : wanted.path,
        method: wanted.method,
        isStream: wanted.isStream === true,
        ...(wanted.body === undefined ? {} : { options: { _query: {}, _body: wanted.body } }),
        abortSignal: wanted.signal,
        statusCodes: { 101: true, 200: true, 201: true, 204: true },
      },
      (error: unknown, result: unknown) => (error ? reject(error) : resolve(result as T)),
    )
  })
}
