"""Uses clickhouse-connect as the analyst and prints what came back as one line of JSON.

usage: clickhouse_client.py HOST PORT PASSWORD
"""

import json
import sys

import clickhouse_connect
from clickhouse_connect.driver.exceptions import DatabaseError


def main(host, port, password):
    client = clickhouse_connect.get_client(
        host=host, port=int(port), username="analyst", password=password, database="tributary", compress="lz4"
    )
    rows = client.query(
        "SELECT transactionId, revenueMicros, sum(toInt128(revenueMicros)) OVER (), occurredAt, isTest, clickSubIds"
        " FROM conversions WHERE advertiserId = {advertiser:String} AND currency = {currency:String}"
        " ORDER BY transactionId",
        parameters={"advertiser": "demo-shop", "currency": "IDR"},
    )
    try:
        client.insert("clicks", [["x"]], column_names=["campaignId"])
        refused = None
    except DatabaseError as error:
        refused = "ACCESS_DENIED" in str(error) or "Not enough privileges" in str(error) or "readonly" in str(error)
    print(
        json.dumps(
            {
                "types": [column.name for column in rows.column_types],
                "rows": [[str(value) if not isinstance(value, (bool, dict)) else value for value in row] for row in rows.result_rows],
                "refused": refused,
            }
        )
    )
    client.close()


main(*sys.argv[1:])
