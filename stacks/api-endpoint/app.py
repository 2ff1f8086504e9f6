"""Takes orders: stores them in the database, and queues a job for each."""
import os
from datetime import timezone

import psycopg2
import redis
from flask import Flask, abort, jsonify, request

app = Flask(__name__)
app.config["JSON_AS_ASCII"] = False
queue = redis.Redis.from_url(os.environ["QUEUE_URL"], decode_responses=True, socket_timeout=5)


def database():
    return psycopg2.connect(os.environ["DATABASE_URL"], connect_timeout=5)


def prepare():
    """Both workers share one master that prepares the table before it forks them."""
    with database() as connection, connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE IF NOT EXISTS orders "
            "(id bigserial PRIMARY KEY, item text NOT NULL, taken timestamptz NOT NULL DEFAULT now())"
        )


prepare()


@app.get("/healthz")
def healthz():
    with database() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    queue.ping()
    return jsonify(status="ok")


@app.post("/orders")
def take_order():
    body = request.get_json(silent=True)
    if not isinstance(body, dict) or not isinstance(body.get("item"), str) or not body["item"]:
        return jsonify(error="an order has an item"), 422
    with database() as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO orders (item) VALUES (%s) RETURNING id", (body["item"],))
        (order,) = cursor.fetchone()
    queue.rpush("orders", order)
    return jsonify(id=order), 201, {"Location": f"/orders/{order}"}


@app.get("/orders/<int:order>")
def read_order(order):
    with database() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT item, taken FROM orders WHERE id = %s", (order,))
        row = cursor.fetchone()
    if row is None:
        abort(404)
    item, taken = row
    queued = str(order) in queue.lrange("orders", 0, -1)
    return jsonify(id=order, item=item, queued=queued, taken=taken.astimezone(timezone.utc).isoformat())
