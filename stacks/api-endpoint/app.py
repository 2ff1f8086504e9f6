"""Takes orders: stores them in the database, and has a worker pack them. Runs on Python 2.7 and 3."""
from flask import Flask, jsonify, request

import database
import worker

app = Flask(__name__)
columns = "id, item, customer, state, to_char(taken AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"+00:00\"') AS taken"

# Its workers share one master that prepares the table before it forks them.
database.prepare()


def order_of(row):
    return dict(zip(("id", "item", "customer", "state", "taken"), row))


def refusal(reason):
    return jsonify(error=reason), 400


@app.route("/healthz")
def healthz():
    with database.transaction() as cursor:
        cursor.execute("SELECT 1")
    with worker.queue.connection_for_read() as connection:
        connection.ensure_connection(max_retries=1)
    return jsonify(status="ok")


@app.route("/orders", methods=["POST"])
def take_order():
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        return refusal("an order is a JSON object")
    item, customer = body.get("item"), body.get("customer")
    if not isinstance(item, type(u"")) or not item.strip():
        return refusal("an order has an item, which is a text")
    if len(item) > 200:
        return refusal("an item has at most 200 characters, not {}".format(len(item)))
    if customer is not None and not isinstance(customer, type(u"")):
        return refusal("a customer is a text")
    with database.transaction() as cursor:
        cursor.execute("INSERT INTO orders (item, customer) VALUES (%s, %s) RETURNING " + columns, (item, customer))
        order = order_of(cursor.fetchone())
    # Only now: a worker must not look for an order that is not there yet.
    order["job"] = worker.pack.delay(order["id"]).id
    return jsonify(order), 201, {"Location": "/orders/{}".format(order["id"])}


@app.route("/orders")
def list_orders():
    limit = request.args.get("limit", "20")
    if not limit.isdigit() or not 1 <= int(limit) <= 100:
        return refusal("limit is a number from 1 to 100")
    with database.transaction() as cursor:
        cursor.execute("SELECT " + columns + " FROM orders ORDER BY id DESC LIMIT %s", (int(limit),))
        return jsonify(orders=[order_of(row) for row in cursor.fetchall()])


@app.route("/orders/<int:order>")
def read_order(order):
    with database.transaction() as cursor:
        cursor.execute("SELECT " + columns + " FROM orders WHERE id = %s", (order,))
        row = cursor.fetchone()
    if row is None:
        return jsonify(error="there is no order {}".format(order)), 404
    return jsonify(order_of(row))


@app.route("/jobs/<job>")
def read_job(job):
    result = worker.queue.AsyncResult(job)
    return jsonify(job=job, state=result.state, result=result.result if result.successful() else None)
