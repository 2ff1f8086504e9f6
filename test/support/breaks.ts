/** Of five of the project's own stacks one component each, taken away, and how that must show. */
import type { Break } from './own-stacks.ts'

export const breaks: readonly Break[] = [
  {
    row: 'static-site',
    part: 'ModSecurity, which is off',
    file: 'stacks/static-site/modsecurity.conf',
    text: 'SecRuleEngine On',
    by: 'SecRuleEngine Off',
    red: ['ModSecurity refuses an SQL injection', 'ModSecurity refuses a script in a question'],
    named: /ModSecurity.*expected 403, found 200/,
  },
  {
    row: 'user-db',
    part: 'the V8 function, which is dropped',
    file: 'stacks/user-db/migrations/003-javascript.sql',
    text: "jsonb_build_object('name', users.name)) AS entry\n$sql$;\n",
    by: "jsonb_build_object('name', users.name)) AS entry\n$sql$;\n\nDROP FUNCTION handles_of_users();\n",
    red: ['a JavaScript function called from SQL runs on V8'],
    named: /V8.*function handles_of_users\(\) does not exist/,
  },
  {
    row: 'queue',
    part: 'Sentinel, which is down',
    file: 'stacks/queue/start',
    text: 'redis-sentinel /data/sentinel.conf &',
    by: 'sleep 1000 &',
    red: [
      'Redis and Sentinel tell their versions',
      'when the master is stopped Sentinel promotes the replica, and a client that asks Sentinel writes again',
    ],
    named: /nothing listens on .*\(sentinel\)/,
  },
  {
    row: 'analytics-db',
    part: 'the DataNode, which is stopped',
    file: 'stacks/analytics-db/stack.yaml',
    text: '      - exec: { command: [hdfs, fsck, /orders, -files, -blocks] }',
    by: '      - signal: { process: datanode, name: SIGKILL }\n      - exec: { command: [hdfs, fsck, /orders, -files, -blocks] }',
    red: [
      'a file is put into HDFS, a table laid over it, and an aggregate over JDBC is the known number',
      'the same question over Thrift, from Python, has the same answer',
      'a question about a table that is not there is refused with a reason',
      'what is stored survives a restart',
    ],
    named: /analytics-db ended with exit code 1: .*datanode ended with status 137/,
  },
  {
    row: 'background-workers',
    part: 'FFmpeg, which is missing',
    file: 'stacks/background-workers/Dockerfile',
    text: 'ENV PYTHONUNBUFFERED=1',
    by: 'RUN rm /usr/bin/ffmpeg\nENV PYTHONUNBUFFERED=1',
    red: [
      'Python, Celery, its Redis client, libcurl, OpenCV, FFmpeg, Node.js and Chromium tell their versions',
      'FFmpeg makes a clip and probes it',
      'OpenCV finds the box in a frame of the clip',
    ],
    named: /there is no ffmpeg/,
  },
]
