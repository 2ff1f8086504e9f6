"""The job that packs an order: `celery --app worker worker`."""
import os
import sys

from celery import Celery

from database import transaction

queue = Celery("worker", broker=os.environ["QUEUE_URL"], backend=os.environ["QUEUE_URL"])
# A queue of its own: others may use the same Redis.
queue.conf.update(task_default_queue="orders", result_expires=600, worker_prefetch_multiplier=1, task_acks_late=True)


@queue.task(name="pack")
def pack(order):
    with transaction() as cursor:
        cursor.execute("UPDATE orders SET state = 'packed' WHERE id = %s RETURNING item", (order,))
        (item,) = cursor.fetchone()
    return {"order": order, "label": u"{} x 1".format(item), "python": sys.version_info[0]}
