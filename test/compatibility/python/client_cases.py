"""confluent-kafka (librdkafka) as a program of named cases.

A line of standard input names a case; cases run side by side, and each is answered with a line of JSON. The first line names all cases
there are. Started as `client_cases.py member SETTINGS TOPIC` it is a member of a group that can be killed.
"""

import json
import sys
import threading
import traceback

import admin_cases
import group_cases
import record_cases
import security_cases
import transaction_cases

lock = threading.Lock()


def say(value):
    with lock:
        print(json.dumps(value), flush=True)


def run(case, name, where):
    try:
        case(where)
        say({"case": name, "ok": True})
    except BaseException:
        say({"case": name, "ok": False, "why": traceback.format_exc()})


def main():
    if sys.argv[1] == "member":
        group_cases.be_member(json.loads(sys.argv[2]), sys.argv[3])
        return
    where = json.loads(sys.argv[1])
    cases = {}
    for room in (record_cases, group_cases, transaction_cases, admin_cases, security_cases):
        cases.update(room.CASES)
    say({"cases": list(cases)})
    for line in sys.stdin:
        name = line.strip()
        threading.Thread(target=run, args=(cases[name], name, where), daemon=True).start()


main()
