CREATE EXTENSION plpython3u;

-- One isolate of V8 a session, made when it is first asked for. V8's threads must not take signals: they are the backend's.
CREATE FUNCTION javascript(body text, argument jsonb) RETURNS jsonb LANGUAGE plpython3u IMMUTABLE STRICT AS $python$
import json
if "v8" not in GD:
    import signal
    from py_mini_racer import MiniRacer
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        GD["v8"] = MiniRacer()
        GD["v8"].eval("0")
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
source = "JSON.stringify((function (argument) {" + body + "})(" + argument + ")) ?? 'null'"
return GD["v8"].eval(source, timeout_sec=2, max_memory=64 * 2**20)
$python$;

CREATE FUNCTION v8_version() RETURNS text LANGUAGE plpython3u STABLE AS $python$
from py_mini_racer import MiniRacer
return MiniRacer().v8_version
$python$;

CREATE FUNCTION handles_of_users() RETURNS TABLE (name text, handle text) LANGUAGE sql STABLE AS $sql$
  SELECT entry->>'name', entry->>'handle'
  FROM users, javascript($javascript$
    const handle = argument.name.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase().replace(/\W+/g, '-')
    return { name: argument.name, handle: `${handle}@v8` }
  $javascript$, jsonb_build_object('name', users.name)) AS entry
$sql$;

