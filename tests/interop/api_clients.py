#!/usr/bin/python3
"""Python's HTTP clients at the gate, as scripts use them: nothing of ours is in them.

    api_clients.py requests|http.client|monitor BASE

BASE is https://HOST:PORT; client.pem, client.key and ca.pem are in the current folder. Prints JSON: what
each request came to, and which cookies are here afterwards.
"""

import http.client
import json
import ssl
import sys
import urllib.parse

STATUS = "/api/0.5/status"


def with_requests(base):
    """A session with a certificate, kept alive; a cookie of another life changes nothing."""
    import requests

    session = requests.Session()
    session.cert = ("client.pem", "client.key")
    session.verify = "ca.pem"
    answers = [session.get(base + STATUS) for _ in range(3)]
    # a question for the header alone has an answer without a body, and the next one is in its place
    answers.append(session.head(base + STATUS))
    answers.append(session.get(base + STATUS, cookies={"AUTH_COOKIE": "stray"}))
    return [told(answer.status_code, answer.content) for answer in answers], jar(session)


def with_monitor(base):
    """As sensors for monitoring do: log in first, never look at what came of it, call a GET's body JSON."""
    import requests

    session = requests.Session()
    session.cert = ("client.pem", "client.key")
    session.verify = "ca.pem"
    headers = {"Content-Type": "application/json"}
    body = json.dumps({"authentication": {"name": "monitor", "password": "not-for-the-gate"}})
    login = session.post(base + "/api/0.5/login", data=body, headers=headers)
    status = session.get(base + STATUS, headers=headers)
    return [told(answer.status_code, answer.content) for answer in (login, status)], jar(session)


def jar(session):
    return [cookie.name for cookie in session.cookies]


def with_http_client(base):
    """The standard library, one connection."""
    context = ssl.create_default_context(cafile="ca.pem")
    context.load_cert_chain("client.pem", "client.key")
    place = urllib.parse.urlsplit(base)
    connection = http.client.HTTPSConnection(place.hostname, place.port, context=context, timeout=20)
    answers = []
    cookies = []
    for _ in range(2):
        connection.request("GET", STATUS, headers={"Cookie": "AUTH_COOKIE=stray"})
        answer = connection.getresponse()
        answers.append(told(answer.status, answer.read()))
        cookies += answer.headers.get_all("Set-Cookie") or []
    return answers, cookies


def told(status, body):
    document = json.loads(body) if body else {}
    rollup = document.get("clusterStatus", {}).get("rollupStatus")
    return {"status": status, "rollup": rollup, "code": document.get("error", {}).get("code")}


CLIENTS = {"requests": with_requests, "http.client": with_http_client, "monitor": with_monitor}

if __name__ == "__main__":
    answers, cookies = CLIENTS[sys.argv[1]](sys.argv[2])
    print(json.dumps({"answers": answers, "cookies": cookies}))
