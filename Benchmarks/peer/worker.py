"""The worker a laboratory would write in Python, tuned: pika, Pillow, ONNX Runtime, psycopg.

Batches with twice as many prefetched, one commit a batch, results published persistently, one acknowledgement a batch
behind the commit; the network in pieces of eight patches, which is where ONNX Runtime is fastest. It is given two
advantages: results are not confirmed by the broker, and there is no audit trail.

usage: worker.py [--batch N] [--serve]
"""

import argparse
import datetime
import hashlib
import io
import json
import os
import time
import uuid

import numpy
import onnxruntime
import pika
import psycopg
from PIL import Image

PIECE, LINGER, IDLE = 8, 0.002, 2.0

INSERT = """
    insert into peer.predictions (job_id, slide_id, x, y, image_sha256, log_p_normal, log_p_tumor, p_tumor, decision,
                                  received_at, predicted_at)
    select * from unnest(%b::uuid[], %b::text[], %b::int8[], %b::int8[], %b::bytea[], %b::float4[], %b::float4[],
                         %b::float4[], %b::text[], %b::timestamptz[], %b::timestamptz[])
    on conflict do nothing"""


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def decode(body):
    return numpy.asarray(Image.open(io.BytesIO(body)).convert("RGB"), numpy.float32).transpose(2, 0, 1)


def settle(channel, results, database, session, deliveries):
    received = now()
    pixels = numpy.stack([decode(body) for _, _, body in deliveries])
    pixels /= 255
    answers = numpy.concatenate(
        [session.run(None, {"patches": pixels[start:start + PIECE]})[0] for start in range(0, len(pixels), PIECE)])
    predicted = now()
    rows, messages = [], []
    for (_, properties, body), (normal, tumor) in zip(deliveries, answers.tolist()):
        job, headers = uuid.UUID(properties.message_id), properties.headers or {}
        p, digest = float(numpy.exp(tumor)), hashlib.sha256(body).digest()
        decision = "tumor" if p >= 0.5 else "normal"
        rows.append((job, headers.get("slide_id"), headers.get("x"), headers.get("y"), digest, normal, tumor, p,
                     decision, received, predicted))
        messages.append((decision, json.dumps({"job_id": str(job), "decision": decision, "p_tumor": p,
                                               "log_p_normal": normal, "log_p_tumor": tumor})))
    with database.transaction():
        database.execute(INSERT, [list(column) for column in zip(*rows)])
    for decision, message in messages:
        results.basic_publish("peer.events", f"prediction.{decision}", message.encode(),
                              pika.BasicProperties(content_type="application/json", delivery_mode=2))
    channel.basic_ack(deliveries[-1][0].delivery_tag, multiple=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--serve", action="store_true")
    arguments = parser.parse_args()
    batch = arguments.batch
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(os.environ["PEER_MODEL"], options, providers=["CPUExecutionProvider"])
    session.run(None, {"patches": numpy.zeros((PIECE, 3, 96, 96), numpy.float32)})
    database = psycopg.connect(os.environ["SENTINODE_DATABASE_URL"], autocommit=True)
    connection = pika.BlockingConnection(pika.URLParameters(os.environ["SENTINODE_AMQP_URL"]))
    results = pika.BlockingConnection(pika.URLParameters(os.environ["SENTINODE_AMQP_URL"])).channel()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=2 * batch)
    deliveries, last, alone = [], time.monotonic(), True
    for method, properties, body in channel.consume("peer.patches", inactivity_timeout=LINGER):
        if method is not None:
            deliveries.append((method, properties, body))
            last = time.monotonic()
        # Where they come one by one, none waits for others.
        is_over = method is None or (alone and channel.get_waiting_message_count() == 0)
        if len(deliveries) == batch or (deliveries and is_over):
            settle(channel, results, database, session, deliveries)
            deliveries, alone = [], len(deliveries) == 1
        if not arguments.serve and time.monotonic() - last > IDLE:
            break
    channel.cancel()


main()
