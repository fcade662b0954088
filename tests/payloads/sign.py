"""Signs requests with botocore, which is what most S3 clients in Python are: a second opinion.

Reads a list of {method, url, headers, date} as JSON from standard input, with the signed headers
only, and prints a signature a line.
"""
import json
import sys

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

for item in json.load(sys.stdin):
    auth = S3SigV4Auth(Credentials("AKID", "SECRET", "TOKEN"), "s3", "eu-west-1")
    request = AWSRequest(method=item["method"], url=item["url"], headers=item["headers"])
    request.context["timestamp"] = item["date"]
    canonical = auth.canonical_request(request)
    print(auth.signature(auth.string_to_sign(request, canonical), request))
