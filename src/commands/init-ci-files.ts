/**
 * What `matrix init --ci` writes: the nightly job for one CI system or timer. Path → content.
 *
 * `npx --no` runs what `npm ci` installed, and never a package of that name from a registry. It does not pass on a signal
 * to stop, so where one comes the program is run by its path.
 */

export const ciSystems = ['github', 'gitlab', 'jenkins', 'systemd', 'cron'] as const
export type CiSystem = (typeof ciSystems)[number]

const github = `# Every night: fills the matrix, and keeps its reports and history from night to night.
name: matrix
on:
  schedule:
    - cron: "17 2 * * *"
  workflow_dispatch:
permissions:
  contents: read
# Nights do not overtake each other: each compares itself with the one before.
concurrency:
  group: matrix-nightly
jobs:
  nightly:
    runs-on: ubuntu-latest
    timeout-minutes: 120
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-node@v4
        with:
          node-version: 22
      - run: npm ci
      - run: npm run build --if-present
      - name: Reports and history of the nights before
        uses: actions/cache/restore@v4
        with:
          path: reports
          # A cache is written once: run again, the job saves one more.
          key: matrix-reports-\${{ github.run_id }}-\${{ github.run_attempt }}
          restore-keys: matrix-reports-
      # Hosts that Matrix brings up need root, and what they are made with.
      - run: sudo --preserve-env env "PATH=$PATH" npx --no matrix nightly --install --deadline 90m
      - name: Keep them for the next night
        if: always()
        uses: actions/cache/save@v4
        with:
          path: reports
          key: matrix-reports-\${{ github.run_id }}-\${{ github.run_attempt }}
      - uses: actions/upload-artifact@v4
        if: always()
        with:
          name: matrix
          path: reports
          overwrite: true
          retention-days: 30
`

const gitlab = `# Include this file in .gitlab-ci.yml, and make a pipeline schedule for it:
#   include: { local: .gitlab/matrix.yml }
matrix-nightly:
  image: node:22
  rules:
    - if: $CI_PIPELINE_SOURCE == "schedule"
  # The job needs a container engine. The service of Docker in Docker needs a runner with "privileged = true"; where the
  # runner has the socket of an engine, take out services and both variables.
  services:
    - docker:dind
  variables:
    DOCKER_HOST: tcp://docker:2375
    DOCKER_TLS_CERTDIR: ""
  resource_group: matrix-nightly
  timeout: 2h
  # Reports and history go on from night to night. Several runners need a shared cache for it, or a tag that names one.
  cache:
    key: matrix-reports
    paths:
      - reports/
    when: always
  script:
    - npm ci
    - npm run build --if-present
    - npx --no matrix nightly --deadline 90m
  artifacts:
    when: always
    expire_in: 30 days
    paths:
      - reports/
    reports:
      junit: reports/junit.xml
`

const jenkins = `// Every night: fills the matrix. The workspace keeps reports and history from night to night, so it is one agent's: name
// a label that only that one has, and clean the workspace of nothing that is in reports/.
pipeline {
  agent any
  triggers { cron('H 2 * * *') }
  options {
    disableConcurrentBuilds()
    timeout(time: 2, unit: 'HOURS')
    // What is archived holds every run that reports/ keeps.
    buildDiscarder(logRotator(artifactNumToKeepStr: '7', numToKeepStr: '60'))
  }
  stages {
    stage('matrix') {
      steps {
        sh 'npm ci'
        sh 'npm run build --if-present'
        // 1: something failed; 3: something could not be observed. Both are in the report.
        script {
          def code = sh(script: 'npx --no matrix nightly --deadline 90m', returnStatus: true)
          if (code == 1) { unstable('matrix: something failed') }
          else if (code == 3) { unstable('matrix: not everything could be observed') }
          else if (code != 0) { error("matrix ended with \${code}") }
        }
      }
    }
  }
  post {
    always {
      // Jenkins forbids scripts and inline styles in what it serves: this layout has neither in it.
      // Where the job came to no run there is nothing to render, and what broke it is to be read, not this.
      sh 'npx --no matrix report --separate || true'
      junit testResults: 'reports/junit.xml', allowEmptyResults: true, skipPublishingChecks: true
      archiveArtifacts artifacts: 'reports/**', allowEmptyArchive: true
    }
  }
}
`

const service = `# /etc/systemd/system/matrix-nightly.service; set the folder and the user, then:
#   systemctl enable --now matrix-nightly.timer
[Unit]
Description=Fills the matrix
Wants=network-online.target
After=network-online.target docker.service

[Service]
Type=oneshot
# It may speak to the engine: with Docker, a member of the group docker.
User=matrix
WorkingDirectory=/srv/shop
# What "npm ci" installed, by its path: the signal to stop does not get through npx.
ExecStart=/srv/shop/node_modules/.bin/matrix nightly --deadline 90m
# 1 and 3 are answers: something failed, or could not be observed. The unit is failed then, as "systemctl --failed" shows;
# OnFailure= in [Unit] names a unit that tells somebody.
TimeoutStartSec=2h
# The signal lets it clean up: it goes to Matrix alone, and what is left after that is killed.
KillMode=mixed
TimeoutStopSec=2min
`

const timer = `# /etc/systemd/system/matrix-nightly.timer
[Unit]
Description=Fills the matrix every night

[Timer]
OnCalendar=*-*-* 02:17:00
RandomizedDelaySec=10min
Persistent=true

[Install]
WantedBy=timers.target
`

const cron = `# /etc/cron.d/matrix: set the folder and the user. Cron mails what is printed.
MAILTO=ops@example.org
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
17 2 * * * matrix cd /srv/shop && mkdir -p reports && flock -n reports/.nightly.lock npx --no matrix nightly --deadline 90m
`

export const ciFiles: Readonly<Record<CiSystem, Readonly<Record<string, string>>>> = {
  github: { '.github/workflows/matrix.yml': github },
  gitlab: { '.gitlab/matrix.yml': gitlab },
  jenkins: { Jenkinsfile: jenkins },
  systemd: { 'deploy/matrix-nightly.service': service, 'deploy/matrix-nightly.timer': timer },
  cron: { 'deploy/matrix.cron': cron },
}

/** What somebody has to do before the job runs. */
export const ciNext: Readonly<Record<CiSystem, string>> = {
  github: 'commit it; it runs every night on the default branch',
  gitlab: 'include it in .gitlab-ci.yml, as it says, and make a pipeline schedule',
  jenkins: 'make a pipeline of this repository, on an agent with Node and a container engine',
  systemd: 'set the folder and the user in it, copy both to /etc/systemd/system, and enable the timer',
  cron: 'set the folder and the user in it, and copy it to /etc/cron.d/matrix',
}
