"""query.py TABLE QUERY: what DuckDB says of a Parquet table, which the query calls `boots`; a row a line, as JSON."""

import json
import sys

import duckdb

table, query = sys.argv[1:]
with duckdb.connect() as database:
    database.execute("create view boots as select * from '{}'".format(table.replace("'", "''")))
    for row in database.execute(query).fetchall():
        print(json.dumps(row))
