"""compare_sigv4.py SIGN: a thousand random requests signed by botocore and by our signer (tests/s3/sign.c)."""
import datetime
import hashlib
import random
import subprocess
import sys
from urllib.parse import quote

from botocore.auth import SIGV4_TIMESTAMP, S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.utils import percent_encode

REQUESTS = 1000
LETTERS = "abcXYZ019-._~ /+=&?%#:@!$'()*,;[]{}|\\\"<>^`\u00e4\u20ac\U0001f40d\u65e5"


def text(rng, low, high, letters=LETTERS):
    return "".join(rng.choice(letters) for _ in range(rng.randint(low, high)))


def make(rng):
    ascii_only = "abcdefghijklmnopqrstuvwxyz0123456789"
    headers = {"x-amz-meta-" + text(rng, 1, 8, ascii_only): text(rng, 0, 30, ascii_only + "  ,;=\"").strip()
               for _ in range(rng.randint(0, 4))}
    if rng.random() < 0.3:
        headers["range"] = "bytes=%d-%d" % (rng.randrange(100), rng.randrange(100, 10000))
    if rng.random() < 0.2:
        headers["if-match"] = hashlib.md5(rng.randbytes(4)).hexdigest()
    return {
        "method": rng.choice(["GET", "PUT", "POST", "HEAD", "DELETE"]),
        "path": "/" + text(rng, 0, 40),
        "region": rng.choice(["us-east-1", "eu-central-1", "default", "x"]),
        "time": rng.randrange(0, 4102444800),
        "access": text(rng, 16, 20, ascii_only).upper(),
        "secret": text(rng, 1, 80, ascii_only + "/+="),
        "token": text(rng, 100, 900, ascii_only + "/+=") if rng.random() < 0.4 else "",
        "body": rng.randbytes(rng.choice([0, 1, 63, 64, 65, 1000])),
        "query": {text(rng, 1, 10): text(rng, 0, 20) for _ in range(rng.randint(0, 6))},
        "host": rng.choice(["127.0.0.1:9000", "bucket.s3.eu-central-1.amazonaws.com", "[::1]:81"]),
        "headers": headers,
    }


def theirs(q):
    url = "http://" + q["host"] + percent_encode(q["path"], safe="-._~/")
    request = AWSRequest(method=q["method"], url=url, params=q["query"], data=q["body"], headers=q["headers"])
    when = datetime.datetime.fromtimestamp(q["time"], datetime.timezone.utc)
    request.context["timestamp"] = when.strftime(SIGV4_TIMESTAMP)
    auth = S3SigV4Auth(Credentials(q["access"], q["secret"], q["token"] or None), "s3", q["region"])
    auth._modify_request_before_signing(request)
    signature = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    auth._inject_signature_to_request(request, signature)
    return "\t".join([request.headers["Authorization"], percent_encode(q["path"], safe="-._~/"),
                      auth.canonical_query_string(request)])


def line(q):
    headers = dict(q["headers"], host=q["host"])
    fields = [q["method"], q["path"], q["region"], str(q["time"]), q["access"], q["secret"], q["token"],
              hashlib.sha256(q["body"]).hexdigest()]
    for pairs in (q["query"], headers):
        fields.append(str(len(pairs)))
        for name, value in pairs.items():
            fields += [name, value]
    return "\t".join(quote(f, safe="") for f in fields)


def main():
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    requests = [make(rng) for _ in range(REQUESTS)]
    answers = subprocess.run([sys.argv[1]], input="\n".join(map(line, requests)) + "\n", text=True,
                             stdout=subprocess.PIPE, check=True).stdout.splitlines()
    if len(answers) != REQUESTS:
        sys.exit("seed %d: %d answers, not %d" % (seed, len(answers), REQUESTS))
    for q, ours in zip(requests, answers):
        if ours != theirs(q):
            sys.exit("seed %d: %r\n ours   %s\n theirs %s" % (seed, q, ours, theirs(q)))
    print("%d requests signed alike (seed %d)" % (REQUESTS, seed))


main()
