"""Prints the version of every component that the API is made of."""
import platform

import celery
import flask
import psycopg2
import redis

print("python " + platform.python_version())
try:
    from importlib.metadata import version
except ImportError:
    version = None
print("flask " + (version("flask") if version else flask.__version__))
print("redis " + redis.__version__)
print("celery " + celery.__version__)
print("psycopg2 " + psycopg2.__version__)
